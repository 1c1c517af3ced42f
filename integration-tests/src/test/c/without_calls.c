/*
 * without_calls ERRNO NUMBER[,NUMBER...] COMMAND [ARGUMENT...]: runs a command in a sandbox in which these system calls
 * fail with this error, as under a container's seccomp profile.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MOST_CALLS 32

int main(int count, char **arguments) {
    struct sock_filter filter[2 * MOST_CALLS + 2];
    unsigned short length = 0;
    if (count < 4) {
        fprintf(stderr, "usage: without_calls ERRNO NUMBER[,NUMBER...] COMMAND [ARGUMENT...]\n");
        return 2;
    }
    unsigned error = (unsigned)atoi(arguments[1]);
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    int calls = 0;
    for (char *number = strtok(arguments[2], ","); number != NULL && calls < MOST_CALLS; number = strtok(NULL, ",")) {
        filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)atoi(number), 0, 1);
        filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
        calls++;
    }
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = length, .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("without_calls: seccomp");
        return 1;
    }
    execvp(arguments[3], arguments + 3);
    perror(arguments[3]);
    return 127;
}
