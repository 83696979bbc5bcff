#!/usr/bin/env python3
"""Does again what failed: empties a failure queue that Lambda feeds, which SQS's own redrive refuses to do.

Each message is received, its function invoked with the event that it failed with, and the message deleted once Lambda has
accepted that (202). As many messages are taken as are in the queue at the start, so that what fails again does not keep this
going. One that cannot be done is left, and comes back into the queue after two minutes. It may be interrupted and run again.
"""

import argparse
import collections
import json
import re
import sys

# Seconds for which a message is hidden once it is received: longer than ten invocations take, short enough to wait for.
HIDDEN = 120


class Left(Exception):
    """The message stays in the queue; the text says why."""


def event(message: dict) -> tuple[str, str]:
    """The function and the event that the message's invocation failed with."""
    try:
        record = json.loads(message["Body"])
        arn = record["requestContext"]["functionArn"]
        payload = record["requestPayload"]
    except (ValueError, LookupError, TypeError):
        raise Left("it is no record of a failed invocation") from None
    # A policy that names the function does not cover its ARN with $LATEST behind it.
    return arn.removesuffix(":$LATEST"), json.dumps(payload)


def redrive(sqs, lambdas, queue: str, limit: int | None, tell) -> tuple[int, collections.Counter]:
    """Takes up to `limit` messages, or as many as there are, and answers how many were done, and why others were left."""
    if limit is None:
        attribute = "ApproximateNumberOfMessages"
        limit = int(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[attribute])["Attributes"][attribute])
    done, left = 0, collections.Counter()
    while (taken := done + left.total()) < limit:
        # Waiting asks all of SQS's servers: without it an answer may be empty although there are messages.
        received = sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=min(10, limit - taken), VisibilityTimeout=HIDDEN, WaitTimeSeconds=5
        )
        if not received.get("Messages"):
            break
        for message in received["Messages"]:
            try:
                function, payload = event(message)
                try:
                    answer = lambdas.invoke(FunctionName=function, InvocationType="Event", Payload=payload)
                except Exception as error:  # whatever it is, the message stays
                    raise Left(f"{function}: {error}") from error
                if answer["StatusCode"] != 202:
                    raise Left(f"{function}: Lambda answered {answer['StatusCode']}")
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                done += 1
            except Left as reason:
                left[str(reason)] += 1
        tell(done + left.total(), limit)
    return done, left


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("queue", help="the failure queue's address: the stack's output FailureQueueUrl")
    parser.add_argument("--limit", type=int, help="take no more than so many messages")
    arguments = parser.parse_args()

    import boto3  # only here: the rest of this file needs none

    # The address says where the queue is; the environment may name another region.
    region = re.match(r"https://(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.amazonaws\.", arguments.queue)
    session = boto3.Session(region_name=region and (region[1] or region[2]))
    done, left = redrive(
        session.client("sqs"),
        session.client("lambda"),
        arguments.queue,
        arguments.limit,
        lambda taken, of: print(f"{taken} of {of} messages", file=sys.stderr),
    )
    print(f"{done} events queued again, {left.total()} messages left in the queue")
    for reason, count in left.items():
        print(f"error: {count} × {reason}", file=sys.stderr)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
