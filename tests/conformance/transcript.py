"""Takes out of a session's transcript what differs from run to run of one and the same server."""
import re

MASKS = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<TIME>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?(\+\d\d:\d\d)?", "<TIME>"),
    (r"\b\d\d:\d\d:\d\d\b", "<TIME>"),
    (r"_INBOX\.[A-Za-z0-9.]+", "<INBOX>"),
    (r"(127\.0\.0\.1|localhost):\d+", "<ADDRESS>"),
    # The patch release, which is no answer: the reference at hand may be another one.
    (r"\b2\.15\.\d+\b", "2.15.x"),
    (r"\b[NUA][A-Z2-7]{55}\b", "<KEY>"),
    # Durations: how long something took or ago it was.
    (r"(\$JS\.ACK\.[^ \"]*?\.)\d{18,}(\.\d+)", r"\1<NS>\2"),
    (r"\b\d+(\.\d+)?(ns|µs|ms)\b", "<SHORT>"),
    (r"\b\d+\.\d+s\b", "<SHORT>"),
    (r"\b(RTT|Client ID|Client IP|Connected Server ID|Host ID): +\S+", r"\1: <VARIES>"),
]


def normalise(text):
    text = text.replace("\u00a0", " ")  # printed instead of a blank at random by the tool
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    # Tables grow and shrink with what is masked.
    lines = (re.sub(r"[ ─]{2,}", "  ", line).strip() for line in text.split("\n"))
    return [line for line in lines if line]
