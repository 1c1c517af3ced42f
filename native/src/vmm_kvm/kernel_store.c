/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that receive data into a region: read, pread64, readv, preadv, preadv2, recvfrom, recvmsg, getrandom.
 *
 * The kernel cannot write a region: its pages are read-only in the host. Handing it the alias' address instead, with
 * the pages marked dirty before or after, would lose stores: a call that blocks across a cut writes after the cut has
 * taken the marks, and one that a cut overtakes while it copies has written a part that the cut's diff missed. So the
 * call is made into memory of its own, the bounce buffer. When it is over, the VMM stores the bytes that arrived to
 * the region, page by page, through the gate like anybody. They are tracked because they are ordinary stores.
 *
 * What the kernel is given. The vector of buffers as it is, but that each buffer that touches a region is replaced by
 * a place in the bounce buffer, with the same offset in its page: direct I/O demands the alignment that the
 * application has seen to. Other buffers are written by the kernel itself. Everything else is passed on, so that the
 * answer, errors included, is the kernel's own. The vector and the message header are the application's and may be
 * anything: they are copied by the kernel (process_vm_readv), and where that fails, or a range wraps around, the call
 * leaves and the kernel says natively what is wrong. (Where a seccomp filter forbids process_vm_readv, a vector with a
 * buffer in a region is answered with EFAULT so; a single buffer is not.)
 *
 * Signals. All are blocked in the VMM loop; while the call itself is made the thread's own mask is in force. So a
 * blocked read ends, or starts again, exactly as natively, and the handler runs here, on the VMM loop's stack. A
 * signal that comes between the exit from the guest and the call runs its handler before the call, as natively one does
 * that comes just before the instruction. A handler that does not return (siglongjmp) leaves the mapping of a large
 * bounce buffer behind.
 *
 * Refused stores. A region that refuses stores (failed, or closed since) takes none of what was read; the kernel has
 * handed the bytes out and cannot take them back. The call answers as the kernel does that meets a bad page half way:
 * with the bytes before it, or EFAULT if there are none. Natively a pipe or a socket would keep the rest for the next
 * reader, here it is lost. The region is lost to the application by then too; asking first would only make
 * the gap narrower.
 */
#include "kernel_store.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "vellum/system_call.h"
#include "vellum/thread.h"
#include "vellum/region.h"

#define BUFFERS 1024                                       /* the kernel's limit, UIO_MAXIOV */
#define BYTES_OF_CALL UINT64_C(0x7ffff000)                 /* and what it transfers at most at a time, MAX_RW_COUNT */
#define BYTES_ON_STACK ((uint64_t)17 << VELLUM_PAGE_SHIFT) /* 64 KiB at any offset in a page, without a mapping */
#define USER_ADDRESS_END (UINT64_C(1) << 47)
#define KERNEL_SIGNAL_SET_SIZE sizeof(uint64_t)

static void *pointer_to(uint64_t address) {
    return (void *)(uintptr_t)address;
}

static uint64_t offset_in_page(uint64_t address) {
    return address & (VELLUM_PAGE_SIZE - 1);
}

/* ---- the application's memory outside regions: written and read by the kernel, which survives any address ---- */

static bool copy_through_kernel(int64_t call_number, uint64_t here, uint64_t there, uint64_t length) {
    struct iovec local = {.iov_base = pointer_to(here), .iov_len = length};
    struct iovec remote = {.iov_base = pointer_to(there), .iov_len = length};
    return vellum_system_call(call_number, vellum_this_process(), vellum_address_of(&local), 1,
                              vellum_address_of(&remote), 1, 0)
        == (int64_t)length;
}

static bool copy_from_application(void *to, uint64_t from, uint64_t length) {
    return copy_through_kernel(SYS_process_vm_readv, vellum_address_of(to), from, length);
}

static bool copy_to_application(uint64_t to, const void *from, uint64_t length) {
    return copy_through_kernel(SYS_process_vm_writev, vellum_address_of(from), to, length);
}

/* ---- a call's buffers ---- */

/* Where a call takes its buffers from. */
enum form {
    FORM_NONE,   /* it does not receive data */
    FORM_BUFFER, /* one buffer: an address and a length */
    FORM_VECTOR, /* an address of struct iovec and their number */
    FORM_MESSAGE /* an address of a struct msghdr, which has a vector */
};

struct shape {
    enum form form;
    unsigned first; /* index of the argument that is the address; length or number are the next one */
};

static struct shape shape_of(int64_t number) {
    switch (number) {
    case SYS_read:
    case SYS_pread64:
    case SYS_recvfrom:
        return (struct shape){FORM_BUFFER, 1};
    case SYS_getrandom:
        return (struct shape){FORM_BUFFER, 0};
    case SYS_readv:
    case SYS_preadv:
    case SYS_preadv2:
        return (struct shape){FORM_VECTOR, 1};
    case SYS_recvmsg:
        return (struct shape){FORM_MESSAGE, 1};
    default:
        return (struct shape){FORM_NONE, 0};
    }
}

/* One snapshot of what the application asked for: it is looked at once, whatever other threads make of it meanwhile. */
struct request {
    struct shape shape;
    struct msghdr message; /* FORM_MESSAGE */
    size_t count;
    struct iovec buffers[BUFFERS];
};

static bool is_user_range(uint64_t address, uint64_t length) {
    return length <= USER_ADDRESS_END && address <= USER_ADDRESS_END - length;
}

/* False: the kernel would find fault with it; it says so best itself. */
static bool take_request(const struct system_call *call, struct request *request) {
    request->shape = shape_of(call->number);
    uint64_t address = call->arguments[request->shape.first];
    uint64_t size = call->arguments[request->shape.first + 1];
    uint64_t vector = address;
    switch (request->shape.form) {
    case FORM_BUFFER:
        request->count = 1;
        request->buffers[0] = (struct iovec){.iov_base = pointer_to(address), .iov_len = size};
        return is_user_range(address, size);
    case FORM_VECTOR:
        request->count = size;
        break;
    case FORM_MESSAGE:
        if (!copy_from_application(&request->message, address, sizeof(request->message))) {
            return false;
        }
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): the kernel has filled it */
        vector = vellum_address_of(request->message.msg_iov);
        request->count = request->message.msg_iovlen;
        break;
    default:
        return false;
    }
    if (request->count == 0 || request->count > BUFFERS
        || !copy_from_application(request->buffers, vector, request->count * sizeof(request->buffers[0]))) {
        return false;
    }
    for (size_t i = 0; i < request->count; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): the kernel has filled them */
        if (!is_user_range(vellum_address_of(request->buffers[i].iov_base), request->buffers[i].iov_len)) {
            return false;
        }
    }
    return true;
}

/* ---- which calls ---- */

static bool touches(uint64_t address, uint64_t length, system_call_touches_region touches_region) {
    return length != 0 && touches_region(address, length);
}

/* What the kernel may write besides the data must be where it can. */
static bool outputs_touch(uint64_t address, uint64_t length, system_call_touches_region touches_region) {
    return address != 0 && (!is_user_range(address, length) || touches(address, length, touches_region));
}

/*
 * With MSG_TRUNC a datagram's true length is the result; the buffer holds what fits. TCP takes it for "throw the bytes
 * away" and writes nothing at all: natively that works with any address.
 */
static bool is_truncated_stream(uint64_t socket, uint64_t flags) {
    if ((flags & MSG_TRUNC) == 0) {
        return false;
    }
    int type = 0;
    socklen_t length = sizeof(type);
    int64_t result = vellum_system_call(SYS_getsockopt, socket, SOL_SOCKET, SO_TYPE, vellum_address_of(&type),
                                        vellum_address_of(&length), 0);
    return result == 0 && type == SOCK_STREAM;
}

static bool can_receive(const struct system_call *call, const struct request *request,
                        system_call_touches_region touches_region) {
    const uint64_t *arguments = call->arguments;
    switch (call->number) {
    case SYS_recvfrom: /* into buffer; the sender's address into argument 4, its length into argument 5 */
        return !is_truncated_stream(arguments[0], arguments[3])
            && !outputs_touch(arguments[4], sizeof(struct sockaddr_storage), touches_region)
            && !outputs_touch(arguments[5], sizeof(socklen_t), touches_region);
    case SYS_recvmsg:
        return !is_truncated_stream(arguments[0], arguments[2])
            && !outputs_touch(arguments[1], sizeof(struct msghdr), touches_region)
            && !outputs_touch(vellum_address_of(request->message.msg_name), sizeof(struct sockaddr_storage),
                              touches_region)
            && !outputs_touch(vellum_address_of(request->message.msg_control), request->message.msg_controllen,
                              touches_region);
    default:
        return true;
    }
}

bool kernel_store_handles(const struct system_call *call, system_call_touches_region touches_region) {
    if (shape_of(call->number).form == FORM_NONE) {
        return false;
    }
    struct request request;
    if (!take_request(call, &request)) {
        return false;
    }
    for (size_t i = 0; i < request.count; i++) {
        if (touches(vellum_address_of(request.buffers[i].iov_base), request.buffers[i].iov_len, touches_region)) {
            return can_receive(call, &request, touches_region);
        }
    }
    return false;
}

/* ---- the bounce buffer ---- */

struct bounce {
    uint64_t address;
    uint64_t length;
    bool is_mapping;               /* else on the stack */
    struct iovec buffers[BUFFERS]; /* what the kernel is given; request.buffers[i] where they are the same */
};

static uint64_t pages_over(uint64_t address, uint64_t length) {
    return (offset_in_page(address) + length + VELLUM_PAGE_SIZE - 1) & ~(uint64_t)(VELLUM_PAGE_SIZE - 1);
}

/*
 * In `on_stack`, page-aligned, or in a mapping: its pages are there when the kernel writes them, so a large one costs
 * address space and no memory. Buffers beyond what the kernel transfers at a time are cut, as it does.
 */
static int64_t make_bounce(struct request *request, system_call_touches_region touches_region, uint8_t *on_stack,
                           struct bounce *bounce) {
    uint64_t remaining = BYTES_OF_CALL;
    bounce->length = 0;
    for (size_t i = 0; i < request->count; i++) {
        struct iovec *buffer = &request->buffers[i];
        if (buffer->iov_len > remaining) {
            buffer->iov_len = remaining;
        }
        remaining -= buffer->iov_len;
        bounce->buffers[i] = *buffer;
        uint64_t address = vellum_address_of(buffer->iov_base);
        if (touches(address, buffer->iov_len, touches_region)) {
            bounce->buffers[i].iov_base = pointer_to(bounce->length + offset_in_page(address));
            bounce->length += pages_over(address, buffer->iov_len);
        } else {
            buffer->iov_len = 0; /* nothing of it is ours to store */
        }
    }
    bounce->address = vellum_address_of(on_stack);
    bounce->is_mapping = bounce->length > BYTES_ON_STACK;
    if (bounce->is_mapping) {
        int64_t address = vellum_system_call(SYS_mmap, 0, bounce->length, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, (uint64_t)-1, 0);
        if (address < 0) {
            return address;
        }
        bounce->address = (uint64_t)address;
    }
    for (size_t i = 0; i < request->count; i++) {
        if (request->buffers[i].iov_len != 0) {
            bounce->buffers[i].iov_base = pointer_to(bounce->address + vellum_address_of(bounce->buffers[i].iov_base));
        }
    }
    return 0;
}

static void remove_bounce(const struct bounce *bounce) {
    if (bounce->is_mapping) {
        vellum_system_call(SYS_munmap, bounce->address, bounce->length, 0, 0, 0, 0);
    }
}

/* ---- the call ---- */

static int64_t call_with_mask(const struct system_call *call, uint64_t thread_mask) {
    uint64_t mask_of_loop;
    vellum_system_call(SYS_rt_sigprocmask, SIG_SETMASK, vellum_address_of(&thread_mask),
                       vellum_address_of(&mask_of_loop), KERNEL_SIGNAL_SET_SIZE, 0, 0);
    int64_t result = system_call_forward(call);
    vellum_system_call(SYS_rt_sigprocmask, SIG_SETMASK, vellum_address_of(&mask_of_loop), 0, KERNEL_SIGNAL_SET_SIZE, 0,
                       0);
    return result;
}

static int64_t receive(const struct system_call *call, const struct request *request, struct bounce *bounce,
                       uint64_t thread_mask) {
    struct system_call replaced = *call;
    uint64_t *arguments = &replaced.arguments[request->shape.first];
    struct msghdr message;
    switch (request->shape.form) {
    case FORM_BUFFER:
        arguments[0] = vellum_address_of(bounce->buffers[0].iov_base);
        arguments[1] = bounce->buffers[0].iov_len;
        break;
    case FORM_VECTOR:
        arguments[0] = vellum_address_of(bounce->buffers);
        break;
    default:
        message = request->message;
        message.msg_iov = bounce->buffers;
        arguments[0] = vellum_address_of(&message);
        break;
    }
    int64_t result = call_with_mask(&replaced, thread_mask);
    if (request->shape.form == FORM_MESSAGE && result >= 0) {
        /* What the kernel writes to a header; the vector's address stays the application's. */
        uint64_t header = call->arguments[request->shape.first];
        if (!copy_to_application(header + offsetof(struct msghdr, msg_namelen), &message.msg_namelen,
                                 sizeof(message.msg_namelen))
            || !copy_to_application(header + offsetof(struct msghdr, msg_controllen), &message.msg_controllen,
                                    sizeof(message.msg_controllen))
            || !copy_to_application(header + offsetof(struct msghdr, msg_flags), &message.msg_flags,
                                    sizeof(message.msg_flags))) {
            return -EFAULT;
        }
    }
    return result;
}

/* ---- storing what arrived ---- */

/* All in one page. */
static bool store_piece(const struct vellum_dispatcher *dispatcher, uint64_t address, const void *data,
                        uint64_t length) {
    struct vellum_fault fault = {
        .origin = VELLUM_FAULT_FOR_KERNEL,
        .signal = SIGSEGV,
        .address = pointer_to(address),
        .code = SEGV_ACCERR,
        .store = true,
        .data = data,
        .length = length,
    };
    switch (dispatcher->serve(&fault)) {
    case VELLUM_FAULT_RESOLVED:
        return true;
    case VELLUM_FAULT_FOREIGN: /* the part of a buffer that is before or behind the region */
        return copy_to_application(address, data, length);
    default:
        return false;
    }
}

/* How many bytes were stored. */
static uint64_t store_pages(const struct vellum_dispatcher *dispatcher, uint64_t address, const uint8_t *data,
                            uint64_t length) {
    uint64_t stored = 0;
    while (stored < length) {
        uint64_t piece = VELLUM_PAGE_SIZE - offset_in_page(address + stored);
        if (piece > length - stored) {
            piece = length - stored;
        }
        if (!store_piece(dispatcher, address + stored, data + stored, piece)) {
            break;
        }
        stored += piece;
    }
    return stored;
}

static int64_t store_received(const struct request *request, const struct bounce *bounce, int64_t received,
                              const struct vellum_dispatcher *dispatcher) {
    uint64_t remaining = (uint64_t)received; /* more than the buffers hold: MSG_TRUNC */
    uint64_t delivered = 0;
    for (size_t i = 0; i < request->count && remaining > 0; i++) {
        uint64_t length = bounce->buffers[i].iov_len < remaining ? bounce->buffers[i].iov_len : remaining;
        if (request->buffers[i].iov_len != 0) {
            uint64_t stored = store_pages(dispatcher, vellum_address_of(request->buffers[i].iov_base),
                                          bounce->buffers[i].iov_base, length);
            if (stored < length) {
                return delivered + stored > 0 ? (int64_t)(delivered + stored) : -EFAULT;
            }
        }
        delivered += length;
        remaining -= length;
    }
    return received;
}

int64_t kernel_store_call(const struct system_call *call, const struct system_call_context *context) {
    struct request request;
    if (!take_request(call, &request)) {
        return -EFAULT; /* it was readable when kernel_store_handles looked: unmapped meanwhile */
    }
    _Alignas(VELLUM_PAGE_SIZE) uint8_t on_stack[BYTES_ON_STACK];
    struct bounce bounce;
    int64_t result = make_bounce(&request, context->touches_region, on_stack, &bounce);
    if (result < 0) {
        return result;
    }
    result = receive(call, &request, &bounce, context->thread_mask);
    if (result > 0) {
        result = store_received(&request, &bounce, result, context->dispatcher);
    }
    remove_bounce(&bounce);
    return result;
}
