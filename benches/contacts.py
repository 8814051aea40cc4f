#!/usr/bin/env python3
"""Writes a file for `dndgate import`: contacts.py COUNT contacts|optouts [every n-th with DND] > FILE"""
import random
import sys

count, kind = int(sys.argv[1]), sys.argv[2]
every = int(sys.argv[3]) if len(sys.argv) > 3 else 10
shuffle = random.Random(1)
numbers = list(range(count))
shuffle.shuffle(numbers)
out = sys.stdout.write
if kind == "optouts":
    out("PhoneNumber,OptOutDate\n")
    for number in numbers:
        out(f"+1{2_012_000_000 + number * 7},2025-12-11T01:49:40Z\n")
else:
    out("Contact Id,First Name,Last Name,Phone,Email,Created,Tags,DND\n")
    for place, number in enumerate(numbers):
        dnd = "true" if place % every == 0 else ""
        out(
            f"c{shuffle.getrandbits(64):016x},First{number},Last{number},+1{2_012_000_000 + number * 7},"
            f'person{number}@example.com,2023-11-04T08:15:30Z,"vip, news",{dnd}\n'
        )
