"""`GET /auth/me` and `GET /storage/records` as FastAPI, SQLAlchemy's async ORM and asyncpg would have them.

An honest equal of ours on the same tables: the token is checked with PyJWT, user, session, organisation and
tier come in one query, a sliding window counts the request (our own, in memory), the answer goes through a response
model and carries the same headers, CORS is the framework's own, and one line a request goes to the log.
"""

import logging
import os
import time
import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, ClassVar, cast

import jwt
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Response
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel
from sqlalchemy import DateTime, ForeignKey, exists, false, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, contains_eager, mapped_column, relationship

from billing.rate_limit.memory import MemoryWindows

LIMITS = {"free": 20, "pro": 60, "power": 120, "team": 200}
SECRET = os.environ["JWT_SECRET"]

HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]

log = logging.getLogger("baseline.access")
windows = MemoryWindows()
engine = create_async_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=10)
database = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: DateTime(timezone=True)}


class User(Base):
    __tablename__ = "users"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    email_verified_at: Mapped[datetime | None]
    locale: Mapped[str]
    is_active: Mapped[bool]
    is_staff: Mapped[bool]
    stripe_customer_id: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    subscription: Mapped["Subscription | None"] = relationship(uselist=False)
    membership: Mapped["Membership | None"] = relationship(uselist=False)


class Organization(Base):
    __tablename__ = "organizations"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    subscription: Mapped["Subscription | None"] = relationship(uselist=False)


class Membership(Base):
    __tablename__ = "organization_members"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id"))
    role: Mapped[str]
    active: Mapped[bool]
    organization: Mapped[Organization] = relationship()


class Factor(Base):
    __tablename__ = "factors"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    confirmed_at: Mapped[datetime | None]


class Subscription(Base):
    __tablename__ = "subscriptions"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    organization_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organizations.id"))
    tier: Mapped[str]
    status: Mapped[str]
    past_due_since: Mapped[datetime | None]
    tier_after_grace: Mapped[str]


class Session(Base):
    __tablename__ = "sessions"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    user: Mapped[User] = relationship()


class Record(Base):
    __tablename__ = "storage_records"
    user_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    table_name: Mapped[str]
    checksum: Mapped[str]
    size_bytes: Mapped[int]
    revision: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    s3_key: Mapped[str | None] = mapped_column(deferred=True)  # what a list has no use for
    seq: Mapped[int] = mapped_column(deferred=True)

    @property
    def etag(self) -> str:
        return f'"{self.revision}-{self.checksum[:16]}"'


class MembershipOut(BaseModel):
    id: uuid.UUID
    name: str
    role: str


class UserProfile(BaseModel):
    id: uuid.UUID
    email: str
    email_verified: bool
    locale: str
    tier: str
    created_at: datetime
    has_second_factor: bool
    organization: MembershipOut | None


class RecordMeta(BaseModel):
    id: uuid.UUID
    table_name: str
    checksum: str
    size_bytes: int
    revision: int
    created_at: datetime
    updated_at: datetime
    etag: str


class RecordList(BaseModel):
    items: list[RecordMeta]
    total: int
    page: int
    limit: int


app = FastAPI()
app.add_middleware(
    CORSMiddleware, allow_origins=["app://.", "http://localhost:3000"], expose_headers=["ETag", "X-Request-ID"]
)


class Conventions:
    """Plain ASGI: FastAPI's `@app.middleware("http")` would cost it a task and a queue for each request."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500
        asked = dict(scope["headers"]).get(b"x-request-id")
        request_id = asked or uuid.uuid4().hex.encode()

        async def send_with_headers(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id), *HEADERS]
            await send(message)

        await self.app(scope, receive, send_with_headers)
        log.info("%s %s %d ms=%.1f", scope["method"], scope["path"], status, (time.perf_counter() - started) * 1000)


app.add_middleware(Conventions)


async def connection() -> AsyncIterator[AsyncSession]:
    async with database() as session:
        yield session


Database = Annotated[AsyncSession, Depends(connection)]


PAID = aliased(Subscription)
FACTOR = exists().where(Factor.user_id == Session.user_id, Factor.confirmed_at.is_not(None))
USABLE = (
    select(Session)
    .join(Session.user)
    .outerjoin(User.subscription)
    .outerjoin(User.membership)
    .outerjoin(Membership.organization)
    .outerjoin(Organization.subscription.of_type(PAID))
    .options(
        contains_eager(Session.user).contains_eager(User.subscription),
        contains_eager(Session.user)
        .contains_eager(User.membership)
        .contains_eager(Membership.organization)
        .contains_eager(Organization.subscription.of_type(PAID)),
    )
)


def tier_of(user: User) -> str:
    member = user.membership
    paid = member.organization.subscription if member is not None and member.active else None
    if paid is not None and paid.tier == "team":
        return "team"
    return user.subscription.tier if user.subscription else "free"


async def current_user(
    response: Response, db: Database, authorization: Annotated[str | None, Header()] = None
) -> tuple[User, str]:
    user, tier, _ = await identify(USABLE.add_columns(false()), response, db, authorization)
    return user, tier


async def current_profile(
    response: Response, db: Database, authorization: Annotated[str | None, Header()] = None
) -> tuple[User, str, bool]:
    return await identify(USABLE.add_columns(FACTOR), response, db, authorization)


async def identify(query: Any, response: Response, db: Any, authorization: str | None) -> tuple[User, str, bool]:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPException(401)
    try:
        claims: dict[str, Any] = jwt.decode(token, SECRET, ["HS256"], audience="adiuva-api", issuer="adiuva")
    except jwt.PyJWTError:
        raise HTTPException(401) from None
    found = await db.execute(
        query.where(
            Session.id == uuid.UUID(claims["sid"]),
            Session.user_id == uuid.UUID(claims["sub"]),
            Session.revoked_at.is_(None),
            User.is_active,
        )
    )
    row = found.first()
    if row is None or claims["token_type"] != "access":
        raise HTTPException(401)
    session, has_second_factor = row
    tier = tier_of(session.user)
    window = windows.take(str(session.user_id), LIMITS[tier])
    if not window.allowed:
        raise HTTPException(429)
    response.headers["RateLimit-Limit"] = str(LIMITS[tier])
    response.headers["RateLimit-Remaining"] = str(LIMITS[tier] - window.used)
    response.headers["RateLimit-Reset"] = str(-(-window.frees_in // 1_000_000))
    return session.user, tier, has_second_factor


Caller = Annotated[tuple[User, str], Depends(current_user)]
Profile = Annotated[tuple[User, str, bool], Depends(current_profile)]


@app.get("/api/v1/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/api/v1/auth/me", response_model=UserProfile)
async def me(profile: Profile) -> UserProfile:
    user, tier, has_second_factor = profile
    member = user.membership if user.membership is not None and user.membership.active else None
    return UserProfile(
        id=user.id,
        email=user.email,
        email_verified=user.email_verified_at is not None,
        locale=user.locale,
        tier=tier,
        created_at=user.created_at,
        has_second_factor=has_second_factor,
        organization=member
        and MembershipOut(id=member.organization.id, name=member.organization.name, role=member.role),
    )


@app.get("/api/v1/storage/records", response_model=RecordList)
async def records(
    caller: Caller,
    db: Database,
    page: Annotated[int, Query(ge=1)] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Any:
    mine = (Record.user_id == caller[0].id) & Record.deleted_at.is_(None)
    total = await db.scalar(select(func.count()).select_from(Record).where(mine))
    rows = await db.scalars(
        select(Record).where(mine).order_by(Record.created_at, Record.id).offset((page - 1) * limit).limit(limit)
    )
    items = [RecordMeta.model_validate(row, from_attributes=True) for row in rows]
    return RecordList(items=items, total=cast("int", total), page=page, limit=limit)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        server_header=False,
        log_config=None,
        timeout_keep_alive=75,
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
