"""Speaking to RabbitMQ: connecting, declaring and publishing, each with an end in time."""

from devsecops_eda.broker.address import Address, address_of, parse_url
from devsecops_eda.broker.borrowing import Borrowed, Borrowing
from devsecops_eda.broker.deadline import Deadline
from devsecops_eda.broker.declaring import declare
from devsecops_eda.broker.inquiring import Inquiry, Standing
from devsecops_eda.broker.link import Link
from devsecops_eda.broker.messages import Incoming, Outgoing, RefusedError
from devsecops_eda.broker.publishing import (
    PublishingThread,
    confirmed,
    outgoing,
    publish_once,
    refused,
)

__all__ = [
    "Address",
    "Borrowed",
    "Borrowing",
    "Deadline",
    "Incoming",
    "Inquiry",
    "Link",
    "Outgoing",
    "PublishingThread",
    "RefusedError",
    "Standing",
    "address_of",
    "confirmed",
    "declare",
    "outgoing",
    "parse_url",
    "publish_once",
    "refused",
]
