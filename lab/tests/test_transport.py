# SPDX-License-Identifier: LGPL-2.1-or-later
"""How memory goes over the link, as the policy says: chosen by the module in a peer-to-peer migration,
and by virsh before a direct one."""

import contextlib
import os

import libvirt

from labtest import MODULE, STOCK_VIRSH, VIRSH, LabTest

# Compression of several streams.
LIBVIRT_COMPRESSES = 9004000

# What compression keeps off the link, and what headers add, percent.
SAVED_LEAST, PLAIN_MOST = 40, 2


class Transport(LabTest):
    module = ("--module", MODULE)
    cmdline = "working-set=20M rate=10M content=text"

    def setUp(self):
        super().setUp()
        self.compresses = self.connection.getLibVersion() >= LIBVIRT_COMPRESSES

    def migrate(self, *words, program=VIRSH, p2p=False):
        """Returns what virsh says, why memory went as it did, and what of it compression has saved, in percent."""
        done = self.virsh(*self.virsh_words("--auto-converge", *words, p2p=p2p), program=program)
        self.assertEqual(done.returncode, 0, done.stderr)
        stats = self.target.connect().lookupByName(self.guest).jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
        self.assert_arrived()
        why = [line["text"] for line in self.journal() if line["type"] == "transport"]
        return done.stderr, why, 100 * (1 - stats["memory_processed"] / stats["memory_normal_bytes"])

    def migrate_by_module(self, policy, *words):
        """Peer-to-peer, by a virsh that knows nothing of transports."""
        self.set_domain_policy(f"<policy>{policy}</policy>")
        return self.migrate(*words, program=STOCK_VIRSH, p2p=True)[1:]

    def assert_compressed(self, saved):
        if self.compresses:
            self.assertGreater(saved, SAVED_LEAST)
        else:
            self.assert_plain(saved)

    def assert_plain(self, saved):
        self.assertLess(abs(saved), PLAIN_MOST)

    def test_stated(self):
        why, saved = self.migrate_by_module("<transport>multifd-zstd</transport><streams>2</streams>")
        self.assertEqual(why, ["transport 'multifd-zstd', which the policy states" if self.compresses else
                               "memory is sent as it is: 'multifd-zstd' needs libvirt 9.4 on both hosts"])
        self.assert_compressed(saved)

    def test_streams(self):
        why, saved = self.migrate_by_module("<transport>multifd</transport><streams>2</streams>")
        self.assertEqual(why, ["transport 'multifd', which the policy states"])
        self.assert_plain(saved)

    def test_chosen_by_the_module(self):
        why, saved = self.migrate_by_module("<transport>auto</transport>", "--bandwidth", "20")
        self.assertEqual(len(why), 1)
        if self.compresses:
            self.assertIn("transport 'multifd-zstd' with", why[0])
        else:
            self.assertIn("no other transport is sure to be faster", why[0])
        self.assert_compressed(saved)

    def test_chosen_by_virsh(self):
        said, _, saved = self.migrate("--converge-policy", "adaptive,transport=auto", "--bandwidth", "20")
        if self.compresses:
            self.assertIn("transport 'multifd-zstd' with", said)
        else:
            self.assertIn("no other transport is sure to be faster", said)
        self.assert_compressed(saved)

    def test_link_not_known(self):
        """Nothing is known of a host to which no guest has gone."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.source.directory, "log", "converge", "switchovers.json"))
        why, saved = self.migrate_by_module("<transport>auto</transport>")
        self.assert_plain(saved)
        self.assertIn("will be known once a migration has gone there", why[0])
