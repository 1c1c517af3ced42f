/*
 * The code that runs in the guest beside the process's own; control.h. Every stub that exits is resumed elsewhere: the
 * VMM loop always sets RIP. On the ring-0 stack lies what the processor pushed (error code, RIP, CS, RFLAGS, RSP, SS).
 */
#include "ports.h"

        .text
        .balign 4096
        .hidden stubs_begin
        .globl stubs_begin
stubs_begin:

        .hidden stub_vectors
        .globl stub_vectors
stub_vectors:
        .set vector, 0
        .rept 32
        .balign 16
        out     %al, $vector
        hlt
        .set vector, vector + 1
        .endr

/* LSTAR. All registers are the caller's, but RCX (return address) and R11 (flags); RSP is the user's: no push here. */
        .balign 64
        .hidden stub_system_call
        .globl stub_system_call
stub_system_call:
        out     %al, $PORT_SYSTEM_CALL
        hlt
        .balign 64

/* The same for processors that are still at CPL 3 here: a page fault exits. Copied over stub_system_call. */
        .hidden stub_system_call_by_touch
        .globl stub_system_call_by_touch
stub_system_call_by_touch:
        movabs  %al, 0x1122334455667788
        .hidden stub_system_call_touched_address
        .globl stub_system_call_touched_address
stub_system_call_touched_address:
        hlt
        .balign 64

        .hidden stub_return
        .globl stub_return
stub_return:
        iretq
        .balign 16

        .hidden stub_flush_and_return
        .globl stub_flush_and_return
stub_flush_and_return:
        push    %rax
        mov     %cr3, %rax
        mov     %rax, %cr3
        pop     %rax
        iretq
        .balign 64

/*
 * #PF where write faults are served at CPL 0. ring_0_page_fault(address, error code, interrupted CS): 0 served; 1 ask
 * the host; 2 served, and somebody waits at a gate. It uses general registers only.
 *
 * A fault at CPL 0 is for the host: it is this function's own, in memory the guest has not seen yet, perhaps its very
 * first instruction, and so it cannot be asked.
 */
        .hidden stub_page_fault_in_guest
        .globl stub_page_fault_in_guest
stub_page_fault_in_guest:
        testb   $3, 16(%rsp)
        jz      1f
        push    %rax
        push    %rcx
        push    %rdx
        push    %rsi
        push    %rdi
        push    %r8
        push    %r9
        push    %r10
        push    %r11
        mov     %cr2, %rdi
        mov     72(%rsp), %rsi
        mov     88(%rsp), %rdx
        sub     $8, %rsp
        cld
        call    *stub_ring_0_page_fault(%rip)
        add     $8, %rsp
        cmp     $1, %eax
        pop     %r11
        pop     %r10
        pop     %r9
        pop     %r8
        pop     %rdi
        pop     %rsi
        pop     %rdx
        pop     %rcx
        pop     %rax
        je      1f
        ja      2f
        add     $8, %rsp
        iretq
1:      out     %al, $14
        hlt
2:      out     %al, $PORT_WAKE
        hlt
        .balign 64

/* CPL 0: RCX times two instructions. */
        .hidden stub_ring_0_loop
        .globl stub_ring_0_loop
stub_ring_0_loop:
1:      dec     %rcx
        jnz     1b
        out     %al, $PORT_MEASURED
        hlt
        .balign 16

/* CPL 3: stores to RDX pages from RDI on, then calls. */
        .hidden stub_store_loop
        .globl stub_store_loop
stub_store_loop:
1:      incb    (%rdi)
        add     $4096, %rdi
        dec     %rdx
        jnz     1b
        syscall
        .balign 64

        .hidden stub_ring_0_page_fault
        .globl stub_ring_0_page_fault
stub_ring_0_page_fault:
        .quad   0

/*
 * For measuring: what serving a fault at CPL 0 costs. Called like ring_0_page_fault; sets W in the entry of RDI and
 * copies the page, as a pre-image would be.
 */
        .balign 64
        .hidden stub_trial_fault
        .globl stub_trial_fault
stub_trial_fault:
        mov     %rdi, %rax
        shr     $12, %rax
        and     $511, %rax
        mov     stub_trial_entries(%rip), %rdx
        lock orq $2, (%rdx, %rax, 8)
        mov     %rdi, %rsi
        and     $-4096, %rsi
        mov     stub_trial_copy(%rip), %rdi
        mov     $512, %ecx
        rep movsq
        xor     %eax, %eax
        ret
        .balign 8
        .hidden stub_trial_entries
        .globl stub_trial_entries
stub_trial_entries:
        .quad   0
        .hidden stub_trial_copy
        .globl stub_trial_copy
stub_trial_copy:
        .quad   0

        .hidden stubs_end
        .globl stubs_end
stubs_end:

        .section .note.GNU-stack, "", @progbits
