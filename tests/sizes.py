"""How large each campaign is: small for every day, large behind `pytest -m slow`. The one place for these figures."""

import os

KILLS = 8  # random moments at which a run is killed, in the normal tests
KILLS_SLOW = 300
HYPOTHESIS_EXAMPLES = 40
INTERVALS = 150  # simulated datasets whose intervals must cover the truth
INTERVALS_SLOW = 2000
NULLS = 150  # comparisons of heads that don't differ
NULLS_SLOW = 2000
WORLDS = 5  # whole comparisons on made-up datasets
WORLDS_SLOW = 200
KILLS_RECORD = 3000  # for the record, see docs/reliability.md
POWER_CUTS_RECORD = 2000
PAYLOAD_FLIPS_RECORD = 10_000
RACES_RECORD = 100
CAMPAIGN_TRIALS = {"kill": 10, "faults": 15, "order": 30, "bits": 30, "races": 1}  # in the normal tests
CAMPAIGN_TRIALS_SLOW = {"kill": 200, "faults": 300, "order": 300, "bits": 500, "races": 10}
STORE_TRIALS = 2  # kills of runs into an object store, in the normal tests
STORE_TRIALS_SLOW = {"kill": 30, "faults": 100, "bits": 300, "races": 1}
RAY_KILLS = int(os.environ.get("ARTSTYLE_RAY_KILLS", "20"))  # of nodes, and of drivers; slow
MUTANTS = 300  # spoiled pictures; 200,000 for the record
MUTANTS_SLOW = 5000
TRIALS_TO_FIND = 400  # at most, until a planted mistake is found
