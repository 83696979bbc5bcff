"""The redrive of a stack's failure queue, with clients that are scripted."""

import importlib.util
import json
import unittest
from pathlib import Path

spec = importlib.util.spec_from_file_location("redrive", Path(__file__).resolve().parents[2] / "deploy/redrive.py")
redrive = importlib.util.module_from_spec(spec)
spec.loader.exec_module(redrive)

QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/failures"
PROCESSOR = "arn:aws:lambda:eu-central-1:123456789012:function:image-processor"


def record(number, arn=PROCESSOR + ":$LATEST"):
    return json.dumps({"requestContext": {"functionArn": arn}, "requestPayload": {"key": f"uploads/é{number}"}})


class Queue:
    """As SQS: what is received is hidden, until it is deleted."""

    def __init__(self, bodies):
        self.visible = [{"Body": body, "ReceiptHandle": str(at)} for at, body in enumerate(bodies)]
        self.hidden = {}

    def get_queue_attributes(self, QueueUrl, AttributeNames):
        assert QueueUrl == QUEUE
        return {"Attributes": {name: str(len(self.visible)) for name in AttributeNames}}

    def receive_message(self, QueueUrl, MaxNumberOfMessages, VisibilityTimeout, WaitTimeSeconds):
        assert QueueUrl == QUEUE and 1 <= MaxNumberOfMessages <= 10 and VisibilityTimeout >= 60 and WaitTimeSeconds > 0
        taken, self.visible = self.visible[:MaxNumberOfMessages], self.visible[MaxNumberOfMessages:]
        self.hidden |= {message["ReceiptHandle"]: message for message in taken}
        return {"Messages": taken} if taken else {}

    def delete_message(self, QueueUrl, ReceiptHandle):
        del self.hidden[ReceiptHandle]

    def left(self):
        return [message["Body"] for message in [*self.hidden.values(), *self.visible]]


class Functions:
    def __init__(self, invoked=lambda name, payload: 202):
        self.invoked, self.answer = [], invoked

    def invoke(self, FunctionName, InvocationType, Payload):
        assert InvocationType == "Event"
        self.invoked.append((FunctionName, json.loads(Payload)))
        return {"StatusCode": self.answer(FunctionName, Payload)}


class Redrive(unittest.TestCase):
    def redrive(self, queue, functions, limit=None):
        self.told = []
        return redrive.redrive(queue, functions, QUEUE, limit, lambda *progress: self.told.append(progress))

    def test_each_event_goes_to_its_function_again(self):
        queue, functions = Queue([record(number) for number in range(23)]), Functions()
        done, left = self.redrive(queue, functions)
        self.assertEqual((done, left.total(), queue.left()), (23, 0, []))
        self.assertEqual(functions.invoked, [(PROCESSOR, {"key": f"uploads/é{number}"}) for number in range(23)])
        self.assertEqual(self.told, [(10, 23), (20, 23), (23, 23)])

    def test_an_alias_is_kept(self):
        functions = Functions()
        self.redrive(Queue([record(1, PROCESSOR + ":live")]), functions)
        self.assertEqual(functions.invoked[0][0], PROCESSOR + ":live")

    def test_only_what_lambda_accepts_is_deleted(self):
        def invoked(_, payload):
            key = json.loads(payload)["key"]
            if key == "uploads/é1":
                raise RuntimeError("TooManyRequestsException")
            return 500 if key == "uploads/é2" else 202

        bodies = [record(0), record(1), record(2), record(3), "{}", "no json", '"text"']
        queue = Queue(bodies)
        done, left = self.redrive(queue, Functions(invoked))
        self.assertEqual((done, queue.left()), (2, [bodies[1], bodies[2], *bodies[4:]]))
        reasons = "\n".join(left)
        for part in ("TooManyRequestsException", "answered 500", "not a record of a failed invocation"):
            self.assertIn(part, reasons)

    def test_what_fails_again_does_not_keep_it_going(self):
        queue, functions = Queue([record(number) for number in range(3)]), Functions()

        def invoked(*_):
            queue.visible.append({"Body": record(9), "ReceiptHandle": f"again {len(functions.invoked)}"})
            return 202

        functions.answer = invoked
        self.assertEqual(self.redrive(queue, functions)[0], 3)
        self.assertEqual(self.redrive(queue, functions, limit=1)[0], 1)
        self.assertEqual(len(functions.invoked), 4)


if __name__ == "__main__":
    unittest.main()
