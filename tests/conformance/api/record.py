#!/usr/bin/env python3
"""record.py NATS_SERVER [FILE.api ...] - writes what a real server answers into the files.

With PYTHONPATH on the folder of the tests. Twice, so that what varies does not get in.
"""
import sys

from conformance.api import transcripts


def main():
    for path in sys.argv[2:] or transcripts.files():
        transcript = transcripts.Transcript(path)
        first, second = (transcripts.play(sys.argv[1], transcript, recorded=False) for _ in range(2))
        steps = transcript.steps()
        for step, answers, again in zip(steps, first, second):
            if answers != again:
                print(f"{path}: not always the same:\n{step.line}\n" + "\n".join(answers + again))
            step.answers = answers
        transcript.write()
        print(f"{path}: {sum(step.line.startswith('>') for step in steps)} requests")


if __name__ == "__main__":
    main()
