/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c: virt-converge-undo
 */
#include "undo.h"

int
main(int argc,
     char **argv)
{
    return convergeUndoMain(argc, argv);
}
