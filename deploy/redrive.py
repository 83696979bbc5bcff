#!/usr/bin/env python3
"""Repeats failed invocations from Lambda's failure queue, which the redrive of SQS refuses to do.

For each message, this script invokes the function with the event that failed, and deletes the message once Lambda has accepted the
event (202). It processes as many messages as the queue has at the start, so that events that fail again do not keep it running. A
message that cannot be repeated stays, and is visible in the queue again after two minutes. The script can be interrupted and run again.
"""

import argparse
import collections
import json
import re
import sys

# The seconds for which a received message is hidden from other readers: longer than ten invocations take.
HIDDEN = 120


class Left(Exception):
    """The message stays in the queue. The text says why."""


def event(message: dict) -> tuple[str, str]:
    """The function's ARN and the event of the failed invocation."""
    try:
        record = json.loads(message["Body"])
        arn = record["requestContext"]["functionArn"]
        payload = record["requestPayload"]
    except (ValueError, LookupError, TypeError):
        raise Left("it is not a record of a failed invocation") from None
    # A policy that names the function does not cover the function's ARN with $LATEST appended.
    return arn.removesuffix(":$LATEST"), json.dumps(payload)


def redrive(sqs, lambdas, queue: str, limit: int | None, tell) -> tuple[int, collections.Counter]:
    """Processes up to `limit` messages, or all if `limit` is None. Returns the number of repeated messages, and why others stay."""
    if limit is None:
        attribute = "ApproximateNumberOfMessages"
        limit = int(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[attribute])["Attributes"][attribute])
    done, left = 0, collections.Counter()
    while (taken := done + left.total()) < limit:
        # Long polling asks all servers of SQS. Without it, an answer may be empty although there are messages.
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
                except Exception as error:  # The message stays after any error.
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
    parser.add_argument("--limit", type=int, help="how many messages to take at most")
    arguments = parser.parse_args()

    import boto3  # Imported here, because the tests of `redrive` do not need it.

    # The region of the queue is in its address; the environment may name another region.
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
