# SPDX-License-Identifier: LGPL-2.1-or-later
"""What rows of the table do besides a plain call: before, in the middle, afterwards, or as another
client. Each function takes the running test."""

import os
import signal
import subprocess
import sysconfig
import time

import libvirt
import libvirt_qemu

from clientstest import BUILD, HERE, STOCK_VIRSH

DISK_MIB = 24
BUSY_DISK = 1.0         # seconds
HUGE_PAGES = "/proc/sys/vm/nr_hugepages"


# --- Clients ---

def stock(test):
    return test.start(*test.migrate_words(STOCK_VIRSH, policy=False))


def python(call):
    def start(test):
        return test.start("/usr/bin/python3", os.path.join(HERE, "python-client"), call, test.guest,
                          test.case.policy)
    return start


def unpacked(test, *packages):
    """Words that run a program with Debian's packages, which are not installed."""
    directory = os.path.join(BUILD, "client-packages")
    done = subprocess.run([os.path.join(HERE, "packages"), directory, *packages], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        test.skipTest(f"no packages: {done.stdout.strip()}")
    root = os.path.join(directory, "root")
    libraries = f"{root}/usr/lib/{sysconfig.get_config_var('MULTIARCH')}"
    return ("/usr/bin/env", f"PYTHONPATH={root}/usr/share/virt-manager:{root}/usr/lib/python3/dist-packages",
            f"LD_LIBRARY_PATH={libraries}", f"GI_TYPELIB_PATH={libraries}/girepository-1.0",
            "/usr/bin/python3", "-W", "ignore")


def nova(test):
    return test.start(*unpacked(test, "python3-nova"), os.path.join(HERE, "nova-client"), test.guest,
                      test.domain.UUIDString(), str(test.case.guest.memory))


def virt_manager(test):
    return test.start(*unpacked(test, "virt-manager"), os.path.join(HERE, "virt-manager-client"),
                      test.guest)


# --- Before ---

def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def writes_xml(test):
    """The domain's XML with another title; clientstest starts the guest from the same one."""
    xml = test.xml_of(test.case.guest).replace("  <memory", "  <title>from a file</title>\n  <memory", 1)
    write(os.path.join(test.source.directory, "new.xml"), xml)


def new_disk(test):
    """A disk with content at the source, and an empty one of the same size at the destination."""
    for host, piece in (test.source, os.urandom(1 << 16)), (test.target, bytes(1 << 16)):
        with open(disk_of(host), "wb") as file:
            for _ in range(DISK_MIB * 16):
                file.write(piece)


def disk_of(host):
    return os.path.join(host.directory, "lib", "disk.img")


def huge_pages(test):
    """For the guest at both hosts, and some that others may have."""
    with open(HUGE_PAGES, encoding="ascii") as file:
        before = file.read()
    wanted = test.case.guest.memory + 16
    test.addCleanup(write, HUGE_PAGES, before)
    write(HUGE_PAGES, str(wanted))
    with open(HUGE_PAGES, encoding="ascii") as file:
        if int(file.read()) < wanted:
            test.skipTest(f"the machine does not have {wanted} huge pages")


def dname(test):
    test.arrives_as = "renamed"


# --- In the middle ---

def slower_then_free(test):
    """As nova does: it starts slowly, and lifts that later."""
    test.until_sending()
    test.domain.migrateSetMaxSpeed(8)
    time.sleep(0.5)
    test.domain.migrateSetMaxSpeed(1000)


def endless_bandwidth(test):
    """More pause than the policy allows is not taken, so the speed has to let the guest go."""
    test.until_client("a limit", lambda: test.stats().get("auto_converge.downtime_limit"))
    test.domain.migrateSetMaxDowntime(500)
    test.assertLessEqual(test.domain.migrateGetMaxDowntime(), 10)
    test.tool("hosts", "shape", "none")
    test.addCleanup(test.tool, "hosts", "shape", test.rate)


def abort(test):
    test.until_looking()
    test.domain.abortJob()


def shut_off(test):
    """As a guest does that powers itself off."""
    test.until_looking()
    try:
        test.qmp("quit")
    except libvirt.libvirtError:
        pass                    # no answer


def kill_qemu(test):
    test.until_looking()
    os.kill(test.qemu_pid(test.source), signal.SIGKILL)


def reset(test):
    """As a guest reboots itself; virDomainReset() would wait until the migration is over."""
    test.until_sending()
    test.qmp("system_reset")


def pause_and_resume(test):
    test.until_sending()
    test.domain.suspend()
    time.sleep(0.3)
    # virDomainResume() would wait until the migration is over.
    test.qmp("cont")


def balloon(test):
    """The guest's program has no driver for the device: QEMU has it, and it gives nothing back."""
    test.until_sending()
    test.assertIn("actual", test.domain.memoryStats())


def shares_changed(test):
    """What the operator sets while the guest leaves goes with it, or is refused."""
    test.until_looking()
    if test.virsh("schedinfo", test.guest, "--live", "cpu_shares=2048").returncode == 0:
        test.scheduler["cpu_shares"] = 2048


def write_disk(test):
    """Writes to the disk at the source while it is copied. QEMU ends if that is done by command once
    the guest stands still for the switchover, so the row has a bandwidth that puts that off."""
    test.until_client("the disk to be copied", lambda: test.stats().get("disk_processed"))
    end = time.monotonic() + BUSY_DISK
    blocks = 0
    while time.monotonic() < end:
        blocks += 1
        libvirt_qemu.qemuMonitorCommand(
            test.domain, f"qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend "
            f'"write -P {blocks % 256} {blocks * 3 % DISK_MIB}M 64k"',
            libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP)
    test.assertGreater(blocks, 0)


def poll_statistics(test):
    """A client that asks for statistics 50 times a second."""
    asked = 0
    try:
        while test.client.poll() is None:
            test.domain.jobStats()
            test.domain.info()
            asked += 1
            time.sleep(0.02)
    except libvirt.libvirtError:
        pass                    # the guest has gone
    test.assertGreater(asked, 10)


# --- Afterwards ---

def paused_there(test):
    there = test.lookup(test.target)
    test.assertEqual(there.state()[0], libvirt.VIR_DOMAIN_PAUSED)
    there.resume()
    test.verify(test.target)


def from_file(test):
    flags = libvirt.VIR_DOMAIN_XML_INACTIVE if test.case.persistent else 0
    test.assertIn("from a file", test.lookup(test.target).XMLDesc(flags))


def copied(test):
    contents = []
    for host in test.source, test.target:
        with open(disk_of(host), "rb") as file:
            contents.append(file.read())
    test.assertTrue(contents[0] == contents[1], "the disks differ")
