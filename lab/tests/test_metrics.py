# SPDX-License-Identifier: LGPL-2.1-or-later
"""Metrics of real migrations, scraped by a real Prometheus through a real node_exporter."""

import json
import os
import re
import shutil
import subprocess
import time
import unittest

from labtest import ENDLESS, LAB, MODULE, LabTest, slow, tool

SOURCE = os.path.realpath(os.path.join(LAB, ".."))
PROGRAMS = ("prometheus", "promtool", "prometheus-node-exporter")
PORT = {"exporter": 9100, "prometheus": 9090}

CONFIGURATION = """global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs: [{{job_name: node, static_configs: [{{targets: ["127.0.0.1:9100"]}}]}}]
"""


@unittest.skipUnless(all(map(shutil.which, PROGRAMS)),
                     "needs the packages prometheus and prometheus-node-exporter")
class Metrics(LabTest):
    module = ("--module", MODULE)

    def setUp(self):
        super().setUp()
        self.directory = os.path.join(self.source.directory, "metrics")
        os.makedirs(self.directory, exist_ok=True)
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.write_conf(f"[metrics]\ndirectory = {self.directory}\n")
        self.addCleanup(self.write_conf, None)

    def text(self):
        """What the module has written; "" if nothing."""
        try:
            with open(os.path.join(self.directory, "virt-converge.prom"), encoding="utf-8") as file:
                return file.read()
        except OSError:
            return ""

    def value(self, series):
        found = re.search("(?m)^" + re.escape(series) + " (.*)$", self.text())
        return float(found[1]) if found else None

    def migrate(self):
        done = self.virsh(*self.virsh_words("--auto-converge", "--converge-policy", "adaptive"))
        self.assertEqual(done.returncode, 0, done.stderr)

    def ended(self, outcome="done"):
        return self.value(f'virt_converge_migrations_total{{outcome="{outcome}",reason="none"}}') or 0

    def start_prometheus(self):
        data = os.path.join(self.directory, "data")
        os.makedirs(data)
        path = os.path.join(data, "prometheus.yml")
        rules = os.path.join(SOURCE, "data", "prometheus", "virt-converge.rules.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(rules=rules))
        self.start("prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
                   f"--collector.textfile.directory={self.directory}",
                   f"--web.listen-address=127.0.0.1:{PORT['exporter']}")
        self.start("prometheus", f"--config.file={path}", f"--storage.tsdb.path={data}/tsdb",
                   f"--web.listen-address=127.0.0.1:{PORT['prometheus']}", "--log.level=error")

    def capture(self, path):
        """Some more migrations; then writes the samples that each query of the dashboard has had all along."""
        began = int(time.time())
        for cmdline in ("working-set=20M rate=10M", "working-set=40M rate=120M", "working-set=70M rate=250M",
                        "working-set=60M rate=180M"):
            self.start_guest(self.guest, cmdline, self.memory)
            self.connect()
            self.migrate()
        self.start_guest(self.guest, self.cmdline, self.memory)
        self.connect()
        process = self.start_virsh(*self.virsh_words("--auto-converge", "--converge-policy", ENDLESS))
        self.until_throttled()
        time.sleep(5)
        self.domain.abortJob()
        self.finish(process)
        time.sleep(5)
        ended = int(time.time())
        answers = []
        for panel, target, _ in self.targets():
            expr = target["expr"].replace("$instance", ".*").replace("$__rate_interval", "5s")
            done = subprocess.run(self.source.command(
                "promtool", "query", "range", "-o", "json", f"--start={began}", f"--end={ended}", "--step=1s",
                f"http://127.0.0.1:{PORT['prometheus']}", expr.replace("$__range", f"{ended - began}s")),
                text=True, check=True, stdout=subprocess.PIPE)
            answers.append({"panel": panel["title"], "legend": target.get("legendFormat", ""),
                            "series": json.loads(done.stdout)})
        with open(path, "w", encoding="utf-8") as file:
            json.dump(answers, file)

    def ask(self, expr):
        """The samples that Prometheus answers with: a list of labels and values; None: an error."""
        done = subprocess.run(self.source.command(
            "promtool", "query", "instant", "-o", "json", f"http://127.0.0.1:{PORT['prometheus']}", expr),
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            self.said = done.stderr
            return None
        return [(one["metric"], float(one["value"][1])) for one in json.loads(done.stdout)]

    def test_scraped(self):
        before = self.ended()
        self.start_prometheus()
        self.until("Prometheus", lambda: self.ask('up == 1'))
        self.slow_link()
        process = self.start_virsh(*self.virsh_words("--auto-converge", "--converge-policy", "adaptive"))
        running = f'virt_converge_running_throttle_target_ratio{{guest="{self.guest}"}}'
        self.until("the running migration in Prometheus", lambda: self.ask(running))
        asked = {expr: self.ask(expr) for _, expr in self.queries() if "_running_" in expr}
        code, out = self.finish(process)
        self.assertEqual(code, 0, out)
        self.until("the ended migration in Prometheus", lambda: any(
            value == before + 1 for _, value in
            self.ask('virt_converge_migrations_total{outcome="done",reason="none"}') or ()))
        # What Prometheus has is what the history has.
        checked = subprocess.run(["promtool", "check", "metrics"], input=self.text(), text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual((checked.returncode, checked.stdout), (0, ""))
        entry = self.newest_entry()
        for metric, member in (("duration", "total_ms"), ("guest_lost", "lost_ms"), ("held", "held_ms"),
                               ("pause", "downtime_ms")):
            (_, value), = self.ask(f"virt_converge_last_migration_{metric}_seconds")
            self.assertEqual(round(value * 1000), entry[member], metric)
        (_, running), = self.ask("virt_converge_running_migrations")
        self.assertEqual(running, 0)
        # Every query of the dashboard is accepted, and all but those of running migrations still
        # return data; those did while one ran, as far as the model knew its guest by then.
        silent = []
        for title, expr in self.queries():
            answer = self.ask(expr)
            self.assertIsNotNone(answer, f"{title}: {expr}: {getattr(self, 'said', '')}")
            if not answer and not asked.get(expr):
                silent.append((title, expr))
        self.assertEqual([one for one in silent if "_running_" not in one[1]], [])
        self.assertTrue(asked['virt_converge_running_throttle_target_ratio{instance=~".*"}'])
        for metric in ("duration", "pause", "guest_lost"):
            (_, value), = self.ask("histogram_quantile(0.9, sum by (le) (increase("
                                   f"virt_converge_migration_{metric}_seconds_bucket[5m])))")
            self.assertGreater(value, 0, metric)
        self.assertEqual(self.ask('ALERTS{alertname=~"VirtConverge.*"}'), [])
        if path := os.environ.get("LAB_DASHBOARD_CAPTURE"):
            self.capture(path)

    @staticmethod
    def targets():
        """Each panel of the dashboard with each of its targets, and that one's query."""
        with open(os.path.join(SOURCE, "data", "grafana", "virt-converge.json"), encoding="utf-8") as file:
            dashboard = json.load(file)
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                expr = target["expr"].replace("$instance", ".*")
                yield panel, target, re.sub(r"\$__(range|rate_interval)", "5m", expr)

    @classmethod
    def queries(cls):
        return [(panel["title"], expr) for panel, _, expr in cls.targets()]

    def newest_entry(self):
        directory = os.path.join(self.source.directory, "log", "converge", "history")
        newest = max((name for name in os.listdir(directory) if name.endswith(".json")),
                     key=lambda name: int(name.split(".")[0]))
        with open(os.path.join(directory, newest), encoding="utf-8") as file:
            return json.load(file)

    @slow
    def test_missing_directory(self):
        """One line in the log, and the migration is not affected; then it is mended."""
        lines = len(self.complaints())
        shutil.rmtree(self.directory)
        self.migrate()
        self.assert_arrived()
        # Another test may have left the writer in trouble, which is told once.
        self.until("a line in the log", self.complaints)
        self.assertLessEqual(len(self.complaints()), lines + 1)
        os.makedirs(self.directory)
        self.until("the file", self.text)
        self.assertGreaterEqual(self.ended(), 1)

    @slow
    def test_full_directory(self):
        """A disk without room leaves the old file, and no half of a new one."""
        lines = len(self.complaints())
        self.source.run = lambda *words: subprocess.run(self.source.command(*words), check=True)
        self.source.run("mount", "-t", "tmpfs", "-o", "size=4k,mode=755", "none", self.directory)
        self.addCleanup(self.source.run, "umount", self.directory)
        self.source.run("sh", "-c", f"head -c 4096 /dev/zero > {self.directory}/fill")
        self.migrate()
        self.assert_arrived()
        self.until("a line in the log", lambda: len(self.complaints()) > lines)
        listed = subprocess.run(self.source.command("ls", "-A", self.directory), text=True,
                                stdout=subprocess.PIPE).stdout.split()
        self.assertEqual(listed, ["fill"])

    def complaints(self):
        return [line for line in self.log() if "no metrics are written" in line]

    @slow
    def test_restart(self):
        """Counters begin at zero, and the file is there before any migration."""
        self.migrate()
        self.until("the migration to be counted", lambda: self.ended() >= 1)
        os.unlink(os.path.join(self.directory, "virt-converge.prom"))
        tool("hosts", "restart", "A")
        self.until("the file", self.text)
        self.assertEqual(self.ended(), 0)
