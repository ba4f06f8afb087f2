# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests that work already: a guest is saved once it does, and restored for the next test that wants
the like, in a third of the time that it takes to boot. Each one has a UUID of its own."""

import hashlib
import os
import re
import uuid

import guestserial
import labhost

PATIENCE = 60

# libvirt's domain XML is at the beginning of what it saves.
XML_BYTES = 1 << 20


def image(words):
    """Where the guest of these words for guest-define is saved, or None: nowhere."""
    directory = os.environ.get("LAB_CACHE")
    if not directory or os.environ.get("LAB_ROOT"):
        return None
    return os.path.join(directory, hashlib.sha256("\0".join(words).encode()).hexdigest()[:16])


def give_uuid(path):
    """In the XML of a saved guest: libvirt itself would refuse another UUID."""
    with open(path, "r+b") as file:
        head = file.read(XML_BYTES)
        old = re.search(rb"<uuid>([-0-9a-f]{36})</uuid>", head)[1]
        file.seek(0)
        file.write(head.replace(old, str(uuid.uuid4()).encode()))


def save(host, words):
    """Saves the guest, which has just been started, and lets it run again. Only a second one that is
    wanted alike pays for that, so the first only leaves a mark."""
    path = image(words)
    if not path or "--persistent" in words:
        return
    if not os.path.exists(path + ".wanted"):
        with open(path + ".wanted", "w", encoding="ascii"):
            return
    host.connect().lookupByName(words[0]).save(path)
    restore(host, words)


def restore(host, words):
    """Whether the guest runs now, because one like it had been saved."""
    path = image(words)
    if not path or not os.path.exists(path):
        return False
    labhost.remove_guest(words[0])
    for each in (host, host.other):
        each.install(labhost.guest_image(), " ".join(words))
    give_uuid(path)
    host.connect().restore(path)
    serial = guestserial.SerialRecorder(host.serial_socket(words[0]))
    try:
        if not serial.wait_for_report(PATIENCE):
            raise labhost.LabError(f"{words[0]} does not work after it was restored")
    finally:
        serial.close()
    return True
