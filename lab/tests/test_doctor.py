# SPDX-License-Identifier: LGPL-2.1-or-later
"""virsh converge-doctor finds nothing wrong with a healthy lab, and what is wrong with others."""

import json
import os

from labtest import MODULE, SOCKET_URI, VIRSH, LabTest, tool


class Doctor(LabTest):
    module = ("--module", MODULE)
    cmdline = "working-set=20M rate=10M"

    def setUp(self):
        super().setUp()
        self.addCleanup(self.write_conf, None)
        self.keep(self.guest, self.cmdline)
        # The module of a host is asked through a guest, which need not run.
        xml = self.domain.XMLDesc().replace(f"<name>{self.guest}</name>", "<name>idle</name>")
        xml = xml.replace(self.domain.UUIDString(), "6695eb01-f6a4-8304-79aa-97f2502e193f")
        self.target.connect().defineXML(xml)

    def doctor(self, *words):
        """The result, and what was found: (host, check) -> level, text."""
        done = self.start(VIRSH, "-q", "-c", SOCKET_URI, "converge-doctor", "--json", *words)
        code, out = self.finish(done)
        out = out[:out.rindex("}") + 1]
        result = json.loads(out)
        self.assertEqual(code, 1 if result["errors"] else 0, out)
        return result, {(one["host"], one["check"]): (one["level"], one["text"])
                        for one in result["checks"]}

    def test_healthy(self):
        result, found = self.doctor(self.uri("B"), "--measure-link")
        self.assertEqual(result["errors"], 0, found)
        for host in ("source", "destination"):
            for check in ("connection", "libvirt", "qemu", "module"):
                self.assertEqual(found[host, check][0], "ok", found[host, check])
        for check in ("cpu-cgroup", "daemon", "preload", "configuration", "journals",
                      "undo-records", "left-over"):
            self.assertEqual(found["source", check][0], "ok", found["source", check])
        self.assertIn("libvirtd (monolithic)", found["source", "daemon"][1])
        # Files of another host are not visible.
        self.assertEqual(found["destination", "configuration"][0], "hidden")
        # The link has 400 Mbit/s, and a burst.
        speed = float(found["destination", "link"][1].split()[0])
        self.assertTrue(10 < speed < 80, found["destination", "link"])

    def test_invalid_configuration(self):
        self.write_conf("[default]\nmax-throttle = 800\n")
        result, found = self.doctor()
        self.assertEqual(result["errors"], 1)
        self.assertEqual(found["source", "configuration"][0], "error")
        self.assertIn("max-throttle", found["source", "configuration"][1])

    def test_left_over(self):
        """A record of a daemon that is gone, for a guest that runs."""
        directory = os.path.join(self.source.directory, "run", "converge")
        os.makedirs(directory, mode=0o700, exist_ok=True)
        pid = self.qemu_pid(self.source)
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            start = int(file.read().rsplit(")", 1)[1].split()[19])
        path = os.path.join(directory, self.domain.UUIDString() + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"version": 1, "uuid": self.domain.UUIDString(), "name": self.guest,
                       "writer": {"pid": 1, "start": 2 ** 40},
                       "qemu": {"pid": pid, "start": start}}, file)
        os.chmod(path, 0o600)
        self.addCleanup(os.unlink, path)
        result, found = self.doctor()
        self.assertEqual((result["errors"], found["source", "left-over"][0]), (1, "error"), found)
        self.assertIn(self.guest, found["source", "left-over"][1])

    def test_unreachable(self):
        result, found = self.doctor("qemu+tcp://10.77.0.2:1/system")
        self.assertEqual(result["errors"], 1)
        self.assertEqual(found["destination", "connection"][0], "error")
        self.assertNotIn(("destination", "module"), found)

    def test_without_module(self):
        """First at the destination, then at the source, too."""
        tool("hosts", "restart", "B", "--module", "none")
        self.addCleanup(tool, "hosts", "restart", "B", "--module", MODULE)
        result, found = self.doctor(self.uri("B"))
        self.assertEqual((result["errors"], found["destination", "module"][0]), (0, "warning"))

        tool("hosts", "restart", "A", "--module", "none")
        self.addCleanup(tool, "hosts", "restart", "A", "--module", MODULE)
        result, found = self.doctor()
        self.assertEqual((found["source", "module"][0], found["source", "preload"][0]),
                         ("error", "error"))
