"""The dialects in the order their stories are told: Chalk's makes the tenant of the others."""

from tests.conformance.chalk import CHALK
from tests.conformance.chroom import CHROOM
from tests.conformance.kcs import KCS

DIALECTS = (CHALK, KCS, CHROOM)
