/* SPDX-License-Identifier: Apache-2.0 */
/* Into a handler and out of it. */
#include "entry.h"

        .section .text.vellum_handler.entry, "ax", @progbits /* vellum/contexts.h */

/*
 * Where a handler returns to. x86-64 has no other way back than this one, given with the action. Debuggers and
 * unwinders know a signal frame by exactly these two instructions; they look at the byte before the return address,
 * hence the nop, which keeps them from taking the function in front of it for the caller.
 */
        nop
        .balign 16
        nop
        .hidden vellum_dispatcher_return_from_signal
        .globl  vellum_dispatcher_return_from_signal
        .type   vellum_dispatcher_return_from_signal, @function
vellum_dispatcher_return_from_signal:
        movq    $15, %rax       /* rt_sigreturn */
        syscall
        .size   vellum_dispatcher_return_from_signal, . - vellum_dispatcher_return_from_signal

/*
 * return_from_frame of dispatcher.h. RDI: the frame; rt_sigreturn looks for it at RSP. RSI: the word. On x86 a store is
 * not passed by a later one, and nothing is loaded from the caller's memory after it.
 */
        .balign 16
        .hidden vellum_dispatcher_return_from_frame
        .globl  vellum_dispatcher_return_from_frame
        .type   vellum_dispatcher_return_from_frame, @function
vellum_dispatcher_return_from_frame:
        movq    %rdi, %rsp
        movl    $0, (%rsi)
        movl    $15, %eax       /* rt_sigreturn */
        syscall
        ud2
        .size   vellum_dispatcher_return_from_frame, . - vellum_dispatcher_return_from_frame

/*
 * The handler. An alternate signal stack need not have more room than the kernel's frame takes (AT_MINSIGSTKSZ), and
 * the memory below it is somebody's. So before anything is pushed the room is looked at: if the thread is on its
 * alternate stack (uc_stack of the context) and less than HANDLER_ROOM is left, one of our own stacks is taken for as
 * long as a range's function runs, and given back before the handler before us is called, which gets what it would have
 * got.
 *
 * Who finds every stack in use waits for one (sched_yield). That ends: the thread has entered no gate yet, so those who
 * have a stack wait for nothing that it holds.
 *
 * A fault inside a range's function on such a stack is a mistake of ours. The kernel would put its frame over the first
 * one's; the handler before us reports it all the same.
 */
#define HANDLER_ROOM 4096
#define HANDLER_STACKS 64
#define HANDLER_STACK_SHIFT 14 /* 16 KiB each, memory as used */

        .local  stacks
        .comm   stacks, HANDLER_STACKS << HANDLER_STACK_SHIFT, 64
        .local  stacks_in_use
        .comm   stacks_in_use, HANDLER_STACKS * 4, 64

        .balign 16
        .hidden vellum_dispatcher_handle_fault
        .globl  vellum_dispatcher_handle_fault
        .type   vellum_dispatcher_handle_fault, @function
vellum_dispatcher_handle_fault: /* EDI, RSI, RDX: its arguments, kept */
        .cfi_startproc
        movq    %rsp, %r8
        subq    CONTEXT_STACK_START(%rdx), %r8  /* room, if it is on the alternate stack, */
        cmpq    CONTEXT_STACK_SIZE(%rdx), %r8   /* which has a size of 0 where there is none */
        jae     vellum_dispatcher_handle_here
        cmpq    $HANDLER_ROOM, %r8
        jae     vellum_dispatcher_handle_here
        leaq    stacks_in_use(%rip), %r9
1:      xorl    %ecx, %ecx
2:      xorl    %eax, %eax
        movl    $1, %r10d
        lock cmpxchgl %r10d, (%r9, %rcx, 4)
        je      3f
        incl    %ecx
        cmpl    $HANDLER_STACKS, %ecx
        jb      2b
        movl    $24, %eax       /* sched_yield; RCX and R11 are lost */
        syscall
        jmp     1b
3:      movq    %rsp, %r8
        leaq    stacks(%rip), %r10
        leaq    1(%rcx), %rax
        shlq    $HANDLER_STACK_SHIFT, %rax
        leaq    (%r10, %rax), %rsp      /* its end */
        pushq   %r8
        pushq   %rcx
        pushq   %rdi
        pushq   %rsi
        pushq   %rdx
        pushq   %rbp
        movq    %rsp, %rbp
        call    vellum_dispatcher_decide
        popq    %rbp
        popq    %rdx
        popq    %rsi
        popq    %rdi
        popq    %rcx
        popq    %rsp
        leaq    stacks_in_use(%rip), %r9
        movl    $0, (%r9, %rcx, 4)
        movl    %eax, %ecx
        testl   %eax, %eax
        jne     vellum_dispatcher_conclude      /* else not one byte of the small stack was used */
        ret
        .cfi_endproc
        .size   vellum_dispatcher_handle_fault, . - vellum_dispatcher_handle_fault

        .section .note.GNU-stack, "", @progbits
