# SPDX-License-Identifier: LGPL-2.1-or-later
"""Access to the two lab hosts from outside their namespaces.

Everything goes through files in the lab's directory: libvirt's Unix socket and the guests'
serial sockets. Only commands that need the link, such as virsh migrate, enter a host."""

import glob
import os
import re
import shutil
import subprocess
import sys

import libvirt

HERE = os.path.dirname(os.path.realpath(__file__))
LAB_DIR = os.environ.get("LAB_DIR") or os.path.join(
    os.environ.get("XDG_RUNTIME_DIR") or "/run", "virt-converge-lab")
IMAGE = "busy-guest.elf"
CONTENT = "busy-guest-content"

# Errors become exceptions; libvirt must not print them as well.
libvirt.registerErrorHandler(lambda context, error: None, None)


class LabError(Exception):
    """An error that the user can do something about."""


class Host:
    def __init__(self, letter):
        self.letter = letter
        self.directory = os.path.join(LAB_DIR, letter)
        self.socket = os.path.join(self.directory, "run", "libvirt-sock")

    @property
    def other(self):
        return Host("B" if self.letter == "A" else "A")

    def connect(self):
        if not os.path.exists(self.socket):
            raise LabError(f"host {self.letter} is not up (lab/hosts up)")
        return libvirt.open(f"qemu+unix:///system?socket={self.socket}")

    def command(self, *words):
        """The command line that runs WORDS on this host."""
        return [os.path.join(HERE, "hosts"), "exec", self.letter, *words]

    def serial_socket(self, guest):
        return os.path.join(self.directory, "lib", f"{guest}.serial")

    def vcpu_threads(self, guest):
        """The /proc directories of the vCPUs' threads, in the order of the vCPUs."""
        found = {}
        try:
            with open(os.path.join(self.directory, "run", "qemu", f"{guest}.pid"),
                      encoding="ascii") as file:
                tasks = f"/proc/{file.read().strip()}/task"
            for thread in os.listdir(tasks):
                with open(f"{tasks}/{thread}/comm", encoding="ascii") as file:
                    name = re.match(r"CPU (\d+)/", file.read())
                if name:
                    found[int(name[1])] = f"{tasks}/{thread}"
        except OSError:
            pass
        return [found[vcpu] for vcpu in sorted(found)]

    def loops_cpu(self):
        """CPU seconds that each of the daemon's current convergence loops has used, by thread."""
        found = {}
        try:
            with open(os.path.join(self.directory, "libvirtd.pid"), encoding="ascii") as file:
                tasks = f"/proc/{file.read().strip()}/task"
            threads = os.listdir(tasks)
        except OSError:
            return found
        for thread in threads:
            try:
                with open(f"{tasks}/{thread}/comm", encoding="ascii") as file:
                    if file.read().strip() != "converge":
                        continue
                with open(f"{tasks}/{thread}/schedstat", encoding="ascii") as file:
                    found[thread] = int(file.read().split()[0]) / 1e9
            except OSError:
                pass            # it has just ended
        return found

    def loop_cpu(self):
        """CPU seconds that the daemon's current convergence loop has used, or None."""
        return next(iter(self.loops_cpu().values()), None)

    def inside(self, name):
        """The path of NAME in the host's /var/lib/libvirt."""
        return f"/var/lib/libvirt/{name}"

    def install(self, image, cmdline=""):
        """Gives the host its own copy, which a rebuild cannot change, and the content that the guest's
        CMDLINE asks for. Another guest may be booting from those that are there."""
        place = os.path.join(self.directory, "lib", IMAGE)
        shutil.copyfile(image, f"{place}.{os.getpid()}")
        os.replace(f"{place}.{os.getpid()}", place)
        word = content_word(cmdline)
        path = os.path.join(self.directory, "lib", f"{CONTENT}-{word}")
        if word and not os.path.exists(path):
            subprocess.run([os.path.join(HERE, "guest", "content"), word, f"{path}.{os.getpid()}"], check=True)
            os.replace(f"{path}.{os.getpid()}", path)


def remove_guest(name):
    """From both hosts."""
    for letter in "AB":
        connection = Host(letter).connect()
        try:
            domain = connection.lookupByName(name)
        except libvirt.libvirtError:
            continue
        # Undefining an inactive guest or destroying a transient one removes it.
        active = domain.isActive()
        if domain.isPersistent():
            domain.undefine()
        if active:
            domain.destroy()


def where_guests_run():
    """The words before a command that is to run what guests run: none, or those that enter a host
    with a root of its own."""
    return Host("A").command() if os.environ.get("LAB_ROOT") else []


def guest_image():
    """The busy guest: $BUSY_GUEST, or that of the newest build, or one built here."""
    named = os.environ.get("BUSY_GUEST")
    if named:
        return named
    built = glob.glob(os.path.join(HERE, "..", "*", "lab", "guest", IMAGE))
    if built:
        return max(built, key=os.path.getmtime)
    image = os.path.join(LAB_DIR, IMAGE)
    if not os.path.exists(image):
        os.makedirs(LAB_DIR, exist_ok=True)
        subprocess.run([os.path.join(HERE, "guest", "build"), image], check=True)
    return image


def content_word(cmdline):
    """What fills the pages of a guest with this CMDLINE, or None: the guest needs no file for that."""
    found = re.search(r"(?:^| )content=(\S+)", cmdline)
    return found[1] if found and found[1] != "zero" else None


def accelerator(emulator=None):
    """The output of lab/accel, which runs once for each lab and emulator."""
    cache = _accelerator_file(emulator)
    if os.path.exists(cache):
        with open(cache, encoding="ascii") as file:
            return file.read().strip()
    done = subprocess.run([os.path.join(HERE, "accel"), *([emulator] if emulator else [])],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise LabError(done.stderr.strip())
    keep_accelerator(done.stdout.strip(), emulator)
    return done.stdout.strip()


def keep_accelerator(word, emulator=None):
    """Has accelerator() return WORD in this lab."""
    with open(_accelerator_file(emulator), "w", encoding="ascii") as file:
        print(word, file=file)


def _accelerator_file(emulator):
    return os.path.join(LAB_DIR, f"accel{emulator or ''}".replace("/", "-"))


def main(run):
    """Runs a tool's RUN(). A LabError becomes one line and exit code 1."""
    try:
        sys.exit(run())
    except (LabError, libvirt.libvirtError) as error:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
