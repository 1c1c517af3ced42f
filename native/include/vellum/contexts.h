/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a function may run: one of the three contexts that providers.h defines, before its definition (or, where it has
 * one, its declaration in a header).
 *
 *   VELLUM_CONTROL  ordinary code: may allocate, print, lock, wait
 *   VELLUM_GATE     the control thread where it closes the gate, and behind it: async-signal-safe code only
 *   VELLUM_HANDLER  any thread, in a fault handler or in the VMM loop: async-signal-safe code only. Of a function that
 * is called in several contexts too, since what may be done in a handler may be done anywhere.
 *
 * native/test/handler_code/check reads the annotations from the object files and follows the calls. It fails if code
 * that a GATE or HANDLER function can reach calls what such code must not (it allocates, prints, takes a lock of the C
 * library, is a cancellation point), or a CONTROL function; if HANDLER code reaches a GATE function; and if a function
 * whose address is taken (for a table, or as an argument) has no annotation, since nobody could follow the call.
 *
 * How. No compiler keeps an attribute of one's own in an object file, but for the section that a function is in. So
 * each annotated function is in a section of its own, as -ffunction-sections gives one to every other function, whose
 * name has the context in it. The linker puts it where it puts the others; the code is the same.
 */
#ifndef VELLUM_CONTEXTS_H
#define VELLUM_CONTEXTS_H

#define VELLUM_CONTEXT_TEXT_OF(number) #number
#define VELLUM_CONTEXT_TEXT(number) VELLUM_CONTEXT_TEXT_OF(number)
#define VELLUM_CONTEXT(name) __attribute__((section(".text.vellum_" name "." VELLUM_CONTEXT_TEXT(__COUNTER__))))

#define VELLUM_CONTROL VELLUM_CONTEXT("control")
#define VELLUM_GATE VELLUM_CONTEXT("gate")
#define VELLUM_HANDLER VELLUM_CONTEXT("handler")

/*
 * Before a function pointer in a table: the context in which it is called. A function that a table holds there is
 * annotated with this context or a stricter one; check reads both from the sources. Nothing for the compiler.
 */
#define VELLUM_CALLED_IN_CONTROL
#define VELLUM_CALLED_IN_GATE
#define VELLUM_CALLED_IN_HANDLER

#endif
