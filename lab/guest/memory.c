/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "memory.h"

/* From the linker script. */
extern u8 image_fixed_end[];

#define LOW_BEGIN 0x1000u


static u32
sum(const u8 *begin, const u8 *end)
{
    const u32 *word = (const u32 *)begin;
    u32 total = 0;

    for (; word + 1 <= (const u32 *)end; word++)
        total = total * 3 + *word;
    return total;
}


static u32
fixedSum(const Memory *memory)
{
    return sum((u8 *)LOW_BEGIN, (u8 *)memory->lowBytes) ^
        sum(image_start, image_fixed_end);
}


static u32
pagesBetween(const void *begin, const void *end)
{
    return ((u32)end - (u32)begin + PAGE - 1) / PAGE;
}


/* Repeats the content over @pages pages. QEMU copies it: some machines emulate every
 * instruction, and would take minutes. */
static u32
contentLay(u8 *to, u32 pages, const Content *content)
{
    u32 left, some;

    for (left = pages * PAGE; left && content->bytes; left -= some, to += some) {
        some = left < content->bytes ? left : content->bytes;
        if (!machineLoaded(content->offset, to, some))
            return 0;
    }
    return 1;
}


/* Of one word of each page, at another place in each; the stamps are none of them. */
static u32
contentSum(const u8 *from, u32 pages)
{
    u32 total = 0, i;

    for (i = 0; i < pages; i++)
        total = total * 3 + ((const u32 *)(from + i * PAGE))[1 + (i * MIX >> 23)];
    return total;
}


static u32
contentSums(const Memory *memory)
{
    return contentSum(image_end, memory->pages) ^
        (memory->restFilled ? contentSum(memory->rest, memory->restPages) : 0);
}


u32
memorySetUp(Memory *memory, u32 lowBytes, u32 highBytes, u32 cpus, u32 fill, const Content *content)
{
    u8 *top = (u8 *)(0x100000u + highBytes);
    u32 available = pagesBetween(image_end, top);
    u32 tablePages, cpu, i;

    memory->lowBytes = lowBytes;
    available -= available / 1024 + 1;
    for (cpu = 0; cpu < cpus; cpu++) {
        Share *share = &memory->share[cpu];
        u32 most = available - memory->pages - (cpus - 1 - cpu);

        share->first = memory->pages;
        if (share->pages > most)
            share->pages = most;
        if (!share->pages)
            share->pages = 1;
        memory->pages += share->pages;
    }
    tablePages = (memory->pages + 1023) / 1024;

    memory->generation = memoryPage(memory->pages);
    memory->rest = (u8 *)memory->generation + tablePages * PAGE;
    memory->restPages = (u32)(top - memory->rest) / PAGE;
    memory->restFilled = fill;

    if (!contentLay(image_end, memory->pages, content) ||
        (fill && !contentLay(memory->rest, memory->restPages, content)))
        return 0;

    for (i = 0; i < tablePages * 1024; i++)
        memory->generation[i] = 0;
    for (cpu = 0; cpu < cpus; cpu++) {
        Share *share = &memory->share[cpu];

        for (i = share->first; i < share->first + share->pages; i++)
            share->tableSum += memoryTouch(memory->generation, i);
    }
    for (i = 0; i < memory->restPages; i++) {
        u32 *page = (u32 *)(memory->rest + i * PAGE);

        /* Clear what firmware has left; a page that is never written needs no host memory. */
        if (fill)
            memoryStamp(page, i * MIX);
        else if (page[0] | page[1023])
            memoryStamp(page, 0);
    }
    memory->fixedSum = fixedSum(memory);
    memory->hasContent = content->bytes;
    if (content->bytes)
        memory->contentSum = contentSums(memory);
    return 1;
}


static void
judge(MemoryVerdict *verdict, const void *page, u32 pages, u32 good)
{
    if (!good && !verdict->bad++)
        verdict->first = (u32)page / PAGE;
    verdict->checked += pages;
}


static u32
isStamped(const u32 *page, u32 value)
{
    return page[0] == value && page[1023] == value;
}


MemoryVerdict
memoryVerify(const Memory *memory)
{
    MemoryVerdict verdict = { 0, 0, 0 };
    u32 i, tableSum = 0; /* sum of the table minus the expected sum */

    judge(&verdict, image_start,
          pagesBetween((u8 *)LOW_BEGIN, (u8 *)memory->lowBytes) +
              pagesBetween(image_start, image_fixed_end),
          fixedSum(memory) == memory->fixedSum);

    for (i = 0; i < memory->pages; i++) {
        const u32 *page = memoryPage(i);

        tableSum += memory->generation[i] * ((i * MIX) | 1);
        judge(&verdict, page, 1, isStamped(page, memory->generation[i] ^ (i * MIX)));
    }
    for (i = 0; i < CPUS_MAX; i++)
        tableSum -= memory->share[i].tableSum;
    judge(&verdict, memory->generation,
          pagesBetween(memory->generation, memory->rest),
          !tableSum);

    for (i = 0; i < memory->restPages; i++) {
        const u32 *page = (u32 *)(memory->rest + i * PAGE);

        judge(&verdict, page, 1, isStamped(page, memory->restFilled ? i * MIX : 0));
    }
    if (memory->hasContent)
        judge(&verdict, image_end, 0, contentSums(memory) == memory->contentSum);
    return verdict;
}
