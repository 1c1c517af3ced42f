/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps a virtual machine with a vCPU until it is killed. While there is one, the kernel does not patch itself when a
 * test makes its first or destroys its last: QEMU, with a thread for each processor, may go on executing the old
 * instruction for ever, and both processors of the emulated machine hang in the kernel's scheduler.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void) {
    int device = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int machine = ioctl(device, KVM_CREATE_VM, 0);
    if (ioctl(machine, KVM_CREATE_VCPU, 0) < 0) {
        perror("keep_kvm_in_use: KVM makes no vCPU");
        return 1;
    }
    puts("kvm is in use");
    fflush(stdout);
    for (;;) {
        pause();
    }
}
