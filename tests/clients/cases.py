# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table: one row for each way to migrate a guest, and what must hold afterwards. Whatever a
row does not say has the values of clientstest.Case."""

from acts import (abort, balloon, copied, dname, endless_bandwidth, from_file, huge_pages, kill_qemu,
                  new_disk, nova, paused_there, pause_and_resume, poll_statistics, python, reset,
                  shares_changed, shut_off, slower_then_free, stock, virt_manager, write_disk, writes_xml)
from clientstest import (ASIDE, NOWHERE, REFUSED, STAYED, THROTTLES, Case, Guest)

# Converges by itself, at any speed of the machine.
QUIET = Guest(cmdline="working-set=10M rate=5M")

# Whatever a busy machine leaves to the guest, it dirties more than this in any pass.
STRICT = "adaptive,max-downtime=30ms"

# Never converges, so that there is time for what happens in the middle.
ENDLESS = "adaptive,throttle=progressive,initial-throttle=30,max-throttle=30,max-downtime=10ms"


def edited(*edits, **more):
    return Guest(edits=edits, **more)


def backed(text):
    return edited(("  <vcpu>", f"  <memoryBacking>{text}</memoryBacking>\n  <vcpu>"))


DISK = edited(("<devices>", """<devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/var/lib/libvirt/disk.img'/>
      <target dev='vda' bus='virtio'/>
    </disk>"""))
CPUTUNE = edited(("<cputune>", """<cputune>
    <shares>2048</shares>
    <period>50000</period>
    <quota>45000</quota>
    <emulator_period>100000</emulator_period>
    <emulator_quota>80000</emulator_quota>
    <global_period>100000</global_period>
    <global_quota>190000</global_quota>"""))
BALLOON = edited(("<memballoon model='none'/>",
                  "<memballoon model='virtio' freePageReporting='on'/>"))
ALWAYS = edited(("  <devices>", """  <metadata>
    <converge:policy xmlns:converge='https://virt-converge.org/xmlns/policy/1.0'
        preset='adaptive' when='always'><converge:max-downtime>30ms</converge:max-downtime></converge:policy>
  </metadata>
  <devices>"""))
LOCKED = edited(("  <vcpu>", "  <memtune><hard_limit unit='MiB'>1024</hard_limit></memtune>\n"
                             "  <memoryBacking><locked/></memoryBacking>\n  <vcpu>"))
PINNED = edited(("  <vcpu>", "  <memtune><hard_limit unit='MiB'>1024</hard_limit></memtune>\n  <vcpu>"))

# What a daemon logs when its guest ends in the middle; never a line of the module.
ENDED = "(?!.*virt-converge).*"

MODES = (
    Case("direct", policy=STRICT, loop=THROTTLES),
    Case("p2p", p2p=True, policy=STRICT, loop=THROTTLES),
    Case("tunnelled", "--tunnelled", p2p=True, address="", policy=STRICT, loop=THROTTLES),
    Case("persistent", "--persistent", persistent=True, slow=True),
    Case("undefinesource", "--persistent --undefinesource", guest=Guest(persistent=True),
         persistent=True),
    Case("source stays defined", guest=Guest(persistent=True), stays_defined=True),
    Case("suspend", "--suspend", works=False, after=paused_there),
    Case("change protection", "--change-protection --abort-on-error --unsafe --verbose",
         says="100 %"),
    Case("another name", "--dname renamed", prepare=dname),
    Case("xml", "--xml {A}/new.xml", prepare=writes_xml, after=from_file),
    Case("persistent xml", "--persistent --persistent-xml {A}/new.xml", guest=Guest(persistent=True),
         prepare=writes_xml, after=from_file, persistent=True, stays_defined=True),
    Case("addresses", "--listen-address 10.77.0.2 --graphicsuri spice://B:5900", p2p=True,
         errors="SPICE is not in use"),
    # The lab's link does not slow a socket, and the loop has to see the migration before it is over.
    Case("unix sockets", "--desturi qemu+unix:///system?socket={B}/run/libvirt-sock --bandwidth 20",
         p2p=True, address="unix://{B}/run/migration.sock"),
)

TRANSPORT = (
    Case("tls", "--tls --tls-destination beta"),
    Case("tls p2p", "--tls", p2p=True, slow=True),
    Case("parallel", "--parallel --parallel-connections 2"),
    Case("parallel tls", "--parallel --parallel-connections 3 --tls"),
    Case("xbzrle", "--compressed --comp-methods xbzrle --comp-xbzrle-cache 8388608"),
    Case("mt compression", "--comp-methods mt --comp-mt-level 1 --comp-mt-threads 2 "
         "--comp-mt-dthreads 2", skip="mt|compress"),
    Case("zlib", "--parallel --comp-methods zlib --comp-zlib-level 1", since=9001000),
    Case("zstd", "--parallel --comp-methods zstd --comp-zstd-level 1", since=9001000),
    Case("zero copy", "--parallel --zerocopy", skip="(?i)zero.?copy|locked|memlock"),
    Case("locked memory", guest=LOCKED, skip="(?i)lock|Cannot allocate|unexpectedly|exited"),
    Case("rdma", "--rdma-pin-all", address="rdma://B", guest=PINNED, skip="(?i)rdma|locked memory"),
)

CONVERGENCE = (
    Case("throttle of the call, refused", "--auto-converge-initial 35", end=REFUSED, loop=ASIDE,
         says="auto_converge.initial", errors="auto_converge.initial"),
    Case("throttle of the call", "--auto-converge-initial 35 --auto-converge-increment 20",
         policy="stepped"),
    Case("bandwidth", "--bandwidth 20"),
    Case("speed changed", "--bandwidth 4", during=slower_then_free, policy=STRICT, loop=THROTTLES),
    Case("pause changed", policy=ENDLESS, during=endless_bandwidth),
    Case("timeout, suspend", "--timeout 1 --timeout-suspend", policy=ENDLESS),
    # virsh counts from its start, and libvirt may not be sending yet.
    Case("timeout, post-copy", "--postcopy --timeout 2 --timeout-postcopy", policy=ENDLESS,
         errors="migrate-start-postcopy"),
    Case("post-copy", "--postcopy --postcopy-bandwidth 30", policy="post-copy"),
    Case("post-copy not needed", "--postcopy"),
    Case("post-copy after the first pass", "--postcopy --postcopy-after-precopy"),
    Case("post-copy p2p, tls", "--tls", policy="post-copy", p2p=True),
    Case("post-copy resume without one", "--postcopy --postcopy-resume", end=REFUSED, loop=ASIDE,
         says="(?i)post-?copy", errors=ENDED),
    Case("available bandwidth", "--available-switchover-bandwidth 40", since=11001000),
)

DISKS = tuple(
    Case(name, words, guest=DISK, prepare=new_disk, address="tcp://B", after=copied, **more)
    for name, words, more in (
        ("storage", "--copy-storage-all", {}),
        ("storage p2p, tls", "--copy-storage-all --tls", {"p2p": True}),
        ("incremental", "--copy-storage-inc --migrate-disks vda", {"slow": True}),
        ("incremental, busy", "--copy-storage-inc --bandwidth 10", {"during": write_disk}),
        ("synchronous writes",
         "--copy-storage-all --copy-storage-synchronous-writes --bandwidth 10",
         {"during": write_disk}),
        ("disks port", "--copy-storage-all --disks-port 49300", {}),
        ("disks uri", "--copy-storage-all --disks-uri tcp://B:49301", {"slow": True}),
        ("detect zeroes", "--copy-storage-all --migrate-disks-detect-zeroes vda",
         {"since": 10009000}),
    ))

GUESTS = (
    Case("memfd", guest=backed("<source type='memfd'/><access mode='shared'/>")),
    Case("huge pages", guest=backed("<hugepages/>"), prepare=huge_pages),
    Case("cputune", guest=CPUTUNE),
    Case("cputune, aborted", guest=CPUTUNE, policy=ENDLESS, during=abort, end=STAYED,
         errors=ENDED),
    Case("schedinfo in the middle", "--bandwidth 10", during=shares_changed),
    Case("32 vCPUs", guest=edited(("<vcpu>1</vcpu>", "<vcpu>32</vcpu>"),
                                  cmdline="working-set=20M rate=100M cpus=2")),
    Case("balloon", guest=BALLOON, during=balloon),
    Case("reboot in the middle", "--bandwidth 10", during=reset),
    Case("pause and resume", "--bandwidth 10", during=pause_and_resume),
    Case("shut off in the middle", policy=ENDLESS, during=shut_off, end=NOWHERE,
         errors=ENDED),
    Case("crash in the middle", policy=ENDLESS, during=kill_qemu, end=NOWHERE, errors=ENDED),
)

CLIENTS = (
    Case("stock virsh", "--auto-converge", client=stock, policy=""),
    Case("no policy", client=stock, policy="", loop=ASIDE, guest=QUIET),
    Case("the domain's policy", client=stock, policy="", guest=ALWAYS, loop=THROTTLES),
    Case("python migrate3", client=python("migrate3")),
    Case("python migrateToURI3", client=python("migrateToURI3")),
    Case("poller at 50 Hz", during=poll_statistics, policy=STRICT, loop=THROTTLES),
    Case("nova", client=nova, policy="", slow=True, persistent=True, guest=Guest(persistent=True)),
    Case("virt-manager", client=virt_manager, policy="", guest=Guest(persistent=True, edits=ALWAYS.edits),
         persistent=True, slow=True),
)

# What ends guests comes last: a daemon that does not survive it would take the other rows along.
CASES = (*MODES, *TRANSPORT, *CONVERGENCE, *DISKS, *CLIENTS, *GUESTS)
