/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Multiboot (version 1) header and entry. The loader leaves the first processor in 32-bit
 * protected mode with flat segments, no paging and interrupts off. All processors stay in
 * that mode, because the guest needs no more. */

#include "smp.h"

        .set CODE, 8
        .set DATA, 16

        .section .multiboot, "a"
        .balign 4
        .set FLAGS, 2                   /* requests the memory sizes */
        .long 0x1badb002
        .long FLAGS
        .long -(0x1badb002 + FLAGS)

        .text
        .globl start
start:
        mov $stack_top, %esp
        push %ebx                       /* the multiboot information */
        push %eax                       /* the loader's magic */
        lgdt gdt_pointer
        call segments
        call guestMain
halt:
        hlt
        jmp halt

segments:
        ljmp $CODE, $1f
1:      mov $DATA, %ecx
        mov %ecx, %ds
        mov %ecx, %es
        mov %ecx, %ss
        ret

/* The start of the other processors, in real mode, at the address to which smp.c copies it. */
        .globl trampoline, trampoline_end
        .code16
trampoline:
        cli
        xor %ax, %ax
        mov %ax, %ds
        lgdtl TRAMPOLINE + (gdt_pointer - trampoline)
        mov %cr0, %eax
        and $0x9fffffff, %eax           /* caches on */
        or $1, %eax
        mov %eax, %cr0
        ljmpl $CODE, $processor
        .balign 4
        .word 0
gdt_pointer:
        .word gdt_end - gdt - 1
        .long gdt
trampoline_end:

        .code32
processor:
        mov $DATA, %ecx
        mov %ecx, %ds                   /* until now the segment ends at 64 KiB */
        mov %ecx, %ss
        mov processorStack, %esp
        call segments
        call guestProcessor
        jmp halt

/* Halts until the timer's interrupt, whose handler returns to the caller with interrupts off.
 * It does not use iret, which a KVM that emulates every instruction lacks. */
        .globl smpHalt, wakeup
smpHalt:
        sti
1:      hlt
        jmp 1b
wakeup:
        movl $0, APIC + APIC_EOI
        add $12, %esp                   /* drops the return address and the flags */
        ret

        .balign 8
gdt:    .quad 0
        .quad 0x00cf9b000000ffff        /* already marked accessed, so nothing writes here */
        .quad 0x00cf93000000ffff
gdt_end:

        .bss
        .balign 16
        .skip 16384
stack_top:

        .section .note.GNU-stack, "", @progbits
