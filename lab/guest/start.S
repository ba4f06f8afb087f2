/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Multiboot (version 1) header and entry. The loader leaves us in 32-bit
 * protected mode with flat segments, no paging and interrupts off, and that is
 * where we stay: nothing here needs more. */

        .section .multiboot, "a"
        .balign 4
        .set FLAGS, 2                   /* we want the memory sizes */
        .long 0x1badb002
        .long FLAGS
        .long -(0x1badb002 + FLAGS)

        .text
        .globl start
start:
        mov $stack_top, %esp
        push %ebx                       /* the multiboot information */
        push %eax                       /* the loader's magic */
        call guestMain
halt:
        hlt
        jmp halt

        .bss
        .balign 16
        .skip 16384
stack_top:

        .section .note.GNU-stack, "", @progbits
