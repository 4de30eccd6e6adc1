"""Every number that a recording depends on: one row a name, one column a variant.

Variants 1, 2 and 3 are written down; any other number draws each value between the smallest and the largest of its row, or one of its words,
from a generator seeded with that number. The same number gives the same values. Thresholds of the rules hold for every column with margin.
"""
import random

ROWS = {
    # the path
    "lan":            ("10.1.0", "172.20.4", "192.168.77"),
    "dmz":            ("10.2.0", "172.30.9", "198.51.100"),
    "delay":          (0.008, 0.005, 0.010),      # s one way, for every flow
    "hops":           (7, 4, 11),
    "seed":           (1, 2, 3),
    # ports
    "web":            (8080, 8000, 8888),          # bystanders
    "service":        (9000, 7070, 5555),          # the faulty one
    "tls":            (443, 8443, 4443),
    "pause":          (0.30, 0.22, 0.40),          # s between ordinary requests
    # connection establishment
    "patience":       (3.6, 2.6, 4.6),             # s a client waits for its connection
    "clients":        (8, 7, 10),                  # at the full backlog
    "forged_ttl":     (61, 250, 126),
    "far":            (0.030, 0.040, 0.025),       # s more, for a host that is farther than its forger
    # loss
    "bulk_loss":      (0.030, 0.036, 0.033),
    "bulk_delay":     (0.150, 0.170, 0.160),      # s more, one way
    "bulk_mss":       (150, 165, 140),
    "bulk_size":      (92_000, 128_000, 102_000),
    "paced_loss":     (0.07, 0.09, 0.06),
    "paced_writes":   (320, 280, 360),
    "paced_size":     (60, 100, 40),
    "paced_gap":      (0.025, 0.030, 0.022),
    "stall_copies":   (3, 3, 3),
    "stall_turns":    ((3, 7, 11), (4, 8, 12), (2, 6, 10)),
    "spike":          (0.45, 0.55, 0.40),
    "detour":         (0.004, 0.0025, 0.006),
    "detour_every":   (9, 7, 11),
    "death":          (1.5, 1.1, 2.0),             # s until the path dies
    # windows
    "asleep":         (3.0, 2.2, 3.8),
    "small_buffer":   (4096, 6144, 5120),
    "window_delay":   (0.050, 0.060, 0.045),
    "scale_delay":    (0.060, 0.070, 0.050),
    "nagle_turns":    (14, 11, 18),
    "nagle_delay":    (0.0003, 0.0008, 0.0005),
    "think":          (1.5, 1.1, 2.1),
    # resets
    "unread":         (0.15, 0.12, 0.18),          # s between an early answer and the close
    "aborted":        (6, 5, 9),
    "idle_limit":     (4.0, 3.4, 5.0),
    "injected_after": (6, 7, 8),
    # path MTU
    "small_mtu":      (1400, 1380, 1450),
    # DNS
    "slow_answer":    (0.70, 0.90, 0.60),
    "lookups":        (6, 5, 8),
    # proxies
    "proxy_timeout":  (2, 3, 2),
}


class Params:
    def __init__(self, variant):
        dice = random.Random(variant)
        for name, row in ROWS.items():
            if 1 <= variant <= 3:
                value = row[variant - 1]
            elif isinstance(row[0], int):
                value = dice.randint(min(row), max(row))
            elif isinstance(row[0], float):
                value = round(dice.uniform(min(row), max(row)), 4)
            else:
                value = dice.choice(row)
            setattr(self, name, value)
        self.seed = variant
        if not 1 <= variant <= 3:  # ports and TTL are words, not amounts
            for name in ("web", "service", "tls", "forged_ttl"):
                setattr(self, name, dice.choice(ROWS[name]))
