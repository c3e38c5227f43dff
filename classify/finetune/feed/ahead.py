"""The rows of the next steps are fetched while the device works on this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from classify.finetune.feed.inputs import Fetched, Inputs
from classify.finetune.feed.views import View

STEPS = 2  # steps ahead: enough to hide the fetching of one, and little memory

Asked = tuple[Sequence[int], Sequence[View]]  # rows, and the view of each


def fetched(inputs: Inputs, asked: Iterable[Asked], *, ahead: int, pinned: bool) -> Iterator[Fetched]:
    """What was asked for, in its order.

    One thread fetches, whatever it uses itself, so rows are read in the same order as without it.

    Parameters
    ----------
    inputs : Inputs
    asked : iterable of (rows, views)
    ahead : int
        How many are fetched before they are needed; 0 fetches when asked. On a CPU the network itself needs all
        processors, so nothing is gained there.
    pinned : bool
        Put them into memory that a GPU copies from without waiting.
    """

    def fetch(rows: Sequence[int], views: Sequence[View]) -> Fetched:
        found = inputs.fetch(rows, views)
        return found.pinned() if pinned else found

    if not ahead:
        for rows, views in asked:
            yield fetch(rows, views)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        coming: deque[Future[Fetched]] = deque()
        try:
            for rows, views in asked:
                coming.append(pool.submit(fetch, rows, views))
                if len(coming) > ahead:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
