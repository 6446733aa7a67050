"""How are the people who sign in kept in MongoDB?"""

from __future__ import annotations

from collections.abc import Sequence

from services.adapters.mongo.documents import USERS
from services.adapters.mongo.driver import ASCENDING, Mongo
from services.adapters.mongo.guarded import replace_if_unchanged
from services.adapters.mongo.indexes import OPERATOR
from services.adapters.mongo.indexes import USERS as COLLECTION
from services.core.accounts import User
from services.core.ports import Change, Saved
