"""Pays, and follows the payment over a WebSocket; connects again after the last move that it has.

    python -m venv venv && venv/bin/pip install -r examples/python/requirements.txt
    venv/bin/python examples/python/pay_and_follow.py [HUB]
"""

import asyncio
import sys
import uuid

from gql import Client, gql
from gql.transport.exceptions import TransportConnectionFailed
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

HUB = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:4000"
KEY = {"Authorization": "Bearer demo-wallet"}

PAY = gql(
    """
    mutation Pay($input: SubmitPaymentInput!) {
      submitPayment(input: $input) {
        ... on PaymentReceipt { payment { id status } }
        ... on Problem { code message }
      }
    }
    """
)
# A completed payment may be refunded, so its stream stays open.
DECIDED = {"COMPLETED", "DECLINED", "FAILED", "EXPIRED", "REVERSED", "CANCELLED"}

FOLLOW = gql(
    """
    subscription Follow($id: ID!, $afterSequence: Int) {
      transactionUpdated(id: $id, afterSequence: $afterSequence) {
        sequence to transaction { merchant { name } }
      }
    }
    """
)


async def pay() -> str:
    """Pays CNY 25. The same key gives the same payment, so the call can be repeated when its answer is lost."""
    key = str(uuid.uuid4())
    variables = {
        "input": {
            "idempotencyKey": key,
            "reference": key[:25],
            "merchant": "acquirer-cn-01.W000001",
            "amount": {"amount": "25.00", "currency": "CNY"},
        }
    }
    transport = HTTPXAsyncTransport(url=f"{HUB}/graphql", headers=KEY)
    async with Client(transport=transport) as session:
        request = PAY
        request.variable_values = variables
        result = (await session.execute(request))["submitPayment"]
    if "payment" not in result:
        raise SystemExit(f"{result['code']}: {result['message']}")
    print(f"Payment {result['payment']['id']} is {result['payment']['status']}", flush=True)
    return result["payment"]["id"]


async def moves(payment: str):
    """Yields each move of a payment until its final status; connects again after the last one."""
    sequence = None
    while True:
        transport = WebsocketsTransport(
            url=f"{HUB.replace('http', 'ws', 1)}/graphql",
            init_payload={"authorization": KEY["Authorization"]},
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        )
        try:
            async with Client(transport=transport) as session:
                request = FOLLOW
                request.variable_values = {"id": payment, "afterSequence": sequence}
                async for result in session.subscribe(request):
                    move = result["transactionUpdated"]
                    sequence = move["sequence"]
                    yield move
            return
        except (TransportConnectionFailed, OSError) as error:
            print(f"The connection ended: {error}", flush=True)
            await asyncio.sleep(1)


async def main() -> None:
    follower = moves(await pay())
    async for move in follower:
        print(f"{move['to']} at {move['transaction']['merchant']['name']}", flush=True)
        if move["to"] in DECIDED:
            break
    await follower.aclose()


asyncio.run(main())
