// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import org.vellum.test.tool.LibC;

/** Instructions that have no C function: a page of x86-64 code, called as functions of the C convention. */
final class MachineCode {
    private static final int PAGE = 4096;

    /** void(uint32_t leaf, uint32_t subleaf, uint32_t registers[4]) */
    private static final int[] CPUID = {
        0x53, // push rbx
        0x49, 0x89, 0xd0, // mov r8, rdx
        0x89, 0xf8, // mov eax, edi
        0x89, 0xf1, // mov ecx, esi
        0x0f, 0xa2, // cpuid
        0x41, 0x89, 0x00, // mov [r8], eax
        0x41, 0x89, 0x58, 0x04, // mov [r8 + 4], ebx
        0x41, 0x89, 0x48, 0x08, // mov [r8 + 8], ecx
        0x41, 0x89, 0x50, 0x0c, // mov [r8 + 12], edx
        0x5b, // pop rbx
        0xc3, // ret
    };
    /** uint32_t(void): TSC_AUX, where Linux keeps the CPU's number */
    private static final int[] RDTSCP = {
        0x0f, 0x01, 0xf9, // rdtscp
        0x89, 0xc8, // mov eax, ecx
        0xc3, // ret
    };
    /** uint32_t(void): the lower half of XCR0 */
    private static final int[] XGETBV = {
        0x31, 0xc9, // xor ecx, ecx
        0x0f, 0x01, 0xd0, // xgetbv
        0xc3, // ret
    };

    private final Function cpuid;
    private final Function rdtscp;
    private final Function xgetbv;
    private final Memory registers = new Memory(4 * Integer.BYTES);

    /** One thread at a time calls it. */
    MachineCode() {
        Pointer page = LibC.INSTANCE.mmap(
                null,
                new NativeLong(PAGE),
                LibC.PROT_READ | LibC.PROT_WRITE | LibC.PROT_EXEC,
                LibC.MAP_PRIVATE | LibC.MAP_ANONYMOUS,
                -1,
                new NativeLong(0));
        cpuid = function(page, 0, CPUID);
        rdtscp = function(page, 256, RDTSCP);
        xgetbv = function(page, 512, XGETBV);
    }

    private static Function function(Pointer page, int offset, int[] code) {
        for (int i = 0; i < code.length; i++) {
            page.setByte(offset + i, (byte) code[i]);
        }
        return Function.getFunction(page.share(offset));
    }

    /** EAX, EBX, ECX and EDX. */
    int[] cpuid(int leaf, int subleaf) {
        cpuid.invokeVoid(new Object[] {leaf, subleaf, registers});
        return registers.getIntArray(0, 4);
    }

    int timeStampCounterAuxiliary() {
        return rdtscp.invokeInt(new Object[0]);
    }

    int extendedControlRegister() {
        return xgetbv.invokeInt(new Object[0]);
    }
}
