# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table: one row for each way to migrate a guest, and what must hold afterwards. Whatever a
row does not say has the values of clientstest.Case."""

from clientstest import (ARRIVED, ASIDE, NOWHERE, REFUSED, RUNS, STAYED, STOCK_VIRSH, THROTTLES,
                         Case, Guest)

QUIET = Guest(cmdline="working-set=10M rate=5M")


def stock(test):
    return test.start(*test.migrate_words(STOCK_VIRSH, policy=False))


CASES = (
    # --- Modes ---
    Case("direct", loop=THROTTLES),
    Case("p2p", p2p=True, loop=THROTTLES),
    Case("tunnelled", "--tunnelled", p2p=True, address="", loop=THROTTLES),
    Case("persistent", "--persistent", persistent=True),
    Case("undefinesource", "--persistent --undefinesource", guest=Guest(persistent=True),
         persistent=True),
    Case("source stays defined", guest=Guest(persistent=True), stays_defined=True),
    Case("parallel", "--parallel --parallel-connections 2"),
    Case("compressed by xbzrle", "--compressed --comp-methods xbzrle --comp-xbzrle-cache 8388608"),
    Case("stock virsh", "--auto-converge", client=stock, policy="", loop=THROTTLES),
    Case("no policy", client=stock, policy="", loop=ASIDE, guest=QUIET),
)
