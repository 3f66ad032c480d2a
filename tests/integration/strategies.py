"""Whole things of every kind, as a store may have to keep them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from telecom_crm.domain import (
    account,
    application,
    approval,
    contract,
    customer,
    identity_document,
    importing,
    lifecycle,
    notification,
    payment,
    policy,
    profile,
    provisioning,
    refund,
    role,
    session,
    sim,
    tariff,
    ticket,
    token,
    user,
    webhook,
)
from telecom_crm.domain import number as number_module
from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.calendar import CycleDay
from telecom_crm.domain.deduplication import Match, Suspicion
from telecom_crm.domain.errors import Fault, Reason
from telecom_crm.domain.hold import Bar, Hold, HoldKind
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN, luhn_is_right
from telecom_crm.domain.language import Wording
from telecom_crm.domain.money import Money

ids = st.uuids(version=4)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
words = st.text(st.characters(categories=["Ll", "Lu"]), min_size=1, max_size=12)
instants = st.datetimes(
    datetime.fromisoformat("2000-01-01"),
    datetime.fromisoformat("2100-01-01"),
    timezones=st.just(UTC),
)
days = st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 1, 1))
small = st.integers(0, 1000)
msisdns = st.integers(10**10, 10**12).map(lambda digits: MSISDN(str(digits)))
imsis = st.integers(10**14, 10**15 - 1).map(lambda digits: IMSI(str(digits)))
amounts = st.builds(Money, st.integers(0, 10**12), st.sampled_from(("KGS", "USD", "JPY")))
positive = st.builds(Money, st.integers(1, 10**12), st.just("KGS"))


def maybe(strategy):
    return st.none() | strategy


def several(strategy):
    return st.lists(strategy, max_size=2).map(tuple)


def _with_check_digit(body: int) -> ICCID:
    digits = f"89{body}"
    return ICCID(next(f"{digits}{end}" for end in range(10) if luhn_is_right(f"{digits}{end}")))


iccids = st.integers(10**15, 10**16 - 1).map(_with_check_digit)
stored = {"version": st.just(0)}

receipts = st.builds(
    policy.PoliciesReceipt,
    policy_id=st.just("prepaid"),
    policy_version=st.integers(1, 9),
    at=instants,
    terms=st.builds(
        policy.BillingPolicy,
        id=st.just("prepaid"),
        name=texts,
        version=st.integers(1, 9),
        payment_mode=st.sampled_from(policy.PaymentMode),
        cycle_day=maybe(st.integers(1, 31).map(CycleDay)),
        credit_limit=positive,
        low_balance=maybe(positive),
        promise_limit=maybe(positive),
        promise_days=st.integers(1, 99),
        required_for_activation=st.frozensets(st.sampled_from(policy.Requirement)),
        tax=st.builds(policy.TaxProfile, texts, st.decimals(0, 99, places=2)),
        sims_per_person=maybe(st.integers(1, 9)),
        sims_per_organisation=maybe(st.integers(1, 9)),
    ),
)

of_file = {
    "id": ids,
    "file_id": ids.map(str),
    "name": texts,
    "media_type": texts,
    "sha256": st.just("ab" * 32),
    "size": small,
}
attachments = st.builds(Attachment, **of_file)

documents = st.builds(
    identity_document.IdentityDocument,
    type=st.sampled_from(identity_document.DocumentType),
    number=st.from_regex(r"[A-Z]{2}[0-9]{6,9}", fullmatch=True),
    issuer=words,
    issued_on=st.none(),
    valid_until=maybe(days),
    scan=maybe(attachments),
)
customers = st.builds(
    customer.Customer,
    id=ids,
    kind=st.sampled_from(profile.CustomerKind),
    name=texts,
    phone=maybe(msisdns),
    email=maybe(texts),
    language=texts,
    national_id=maybe(texts),
    documents=several(documents),
    birth_date=maybe(days),
    registration_number=maybe(texts),
    addresses=several(st.builds(profile.Address, city=words, street=words)),
    consents=several(st.builds(profile.Consent, purpose=words, granted=st.booleans(), at=instants)),
    notes=several(
        st.builds(customer.Note, id=ids, text=words, by=texts, at=instants, pinned=st.booleans())
    ),
    merged_into=maybe(ids),
    status=st.sampled_from(customer.CustomerStatus),
    **stored,
)
plain = st.dictionaries(
    words, texts | small | st.booleans() | st.none() | st.lists(texts, max_size=2)
)
applications = st.builds(
    application.Application,
    id=ids,
    number=st.integers(1, 10**8 - 1).map("A-{:08d}".format),  # a word that it is searched by
    kind=st.sampled_from(application.ApplicationKind),
    channel=st.sampled_from(application.Channel),
    external_reference=maybe(ids.map(str)),
    priority=st.sampled_from(application.Priority),
    raw=plain,
    data=plain,
    duplicates=several(
        st.builds(
            Suspicion,
            customer_id=ids,
            score=small,
            exact=st.booleans(),
            reasons=several(st.sampled_from(Match)),
            dismissed=st.booleans(),
        )
    ),
    customer_id=maybe(ids),
    contract_id=maybe(ids),
    claimed_by=maybe(texts),
    claimed_until=maybe(instants),
    outcome=texts,
    captured_at=instants,
    ended_at=maybe(instants),
    erased_at=maybe(instants),
    status=st.sampled_from(application.ApplicationStatus),
    **stored,
)
sims = st.builds(
    sim.Sim,
    iccid=iccids,
    imsi=maybe(imsis),
    pin1=st.sampled_from(("", "0123")),
    puk1=st.sampled_from(("", "01234567")),
    batch=texts,
    msisdn=maybe(msisdns),
    contract_id=maybe(ids),
    reserved_for=maybe(texts),
    reserved_until=maybe(instants),
    activated_at=maybe(instants),
    status=st.sampled_from(sim.SimStatus),
    **stored,
)
numbers = st.builds(
    number_module.Number,
    msisdn=msisdns,
    category=st.sampled_from(number_module.NumberCategory),
    price=maybe(amounts),
    origin=st.sampled_from(number_module.NumberOrigin),
    contract_id=maybe(ids),
    reserved_for=maybe(texts),
    reserved_until=maybe(instants),
    quarantined_until=maybe(instants),
    kept_for=maybe(ids),
    status=st.sampled_from(number_module.NumberStatus),
    **stored,
)
codes = ids.map(lambda value: value.hex[:20].upper())
allowances = st.builds(tariff.Allowances, minutes=small, messages=small, megabytes=small)
names = st.builds(Wording, en=texts, ru=texts, ky=words)
descriptions = st.builds(Wording, en=texts, ru=texts, ky=texts)
tariffs = st.builds(
    tariff.Tariff,
    code=codes,
    name=names,
    description=descriptions,
    versions=several(
        st.builds(
            tariff.TariffVersion,
            number=st.integers(1, 9),
            valid_from=instants,
            monthly_fee=positive,
            activation_fee=positive,
            sim_swap_fee=maybe(positive),
            allowances=allowances,
            usage_rates=several(
                st.builds(
                    tariff.UsageRate,
                    service=st.sampled_from(tariff.UsageService),
                    price=st.decimals(0, 9, places=4).map(Decimal),
                )
            ),
        )
    ),
    status=st.sampled_from(tariff.CatalogueStatus),
    **stored,
)
options = st.builds(
    tariff.Option,
    code=codes,
    name=names,
    description=descriptions,
    group=texts,
    versions=several(
        st.builds(
            tariff.OptionVersion,
            number=st.integers(1, 9),
            valid_from=instants,
            fee=positive,
            recurring=st.booleans(),
            allowances=allowances,
        )
    ),
    status=st.sampled_from(tariff.CatalogueStatus),
    **stored,
)
chosen = several(st.builds(contract.ChosenOption, codes, st.integers(1, 9)))
contracts = st.builds(
    contract.Contract,
    id=ids,
    number=texts,
    customer_id=ids,
    account_id=ids,
    iccid=iccids,
    msisdn=msisdns,
    tariff_code=codes,
    tariff_version=st.integers(1, 9),
    options=chosen,
    documents=several(attachments),
    application_id=maybe(ids),
    requested_activation=maybe(days),
    minimum_term_months=small,
    accepted_at=maybe(instants),
    activated_at=maybe(instants),
    closed_at=maybe(instants),
    receipt=maybe(receipts),
    follows=maybe(ids),
    holds=several(st.builds(Hold, kind=st.sampled_from(HoldKind), since=instants, reason=texts)),
    revisions=several(
        st.builds(
            contract.Revision,
            number=small,
            until=instants,
            command=st.sampled_from(contract.ContractCommand),
            tariff_code=codes,
            tariff_version=small,
            options=chosen,
            iccid=iccids,
            msisdn=msisdns,
        )
    ),
    pending=maybe(
        st.builds(
            contract.Amendment,
            tariff_code=codes,
            tariff_version=small,
            options=chosen,
            effective_on=days,
        )
    ),
    status=st.sampled_from(contract.ContractStatus),
    **stored,
)
accounts = st.builds(
    account.BillingAccount,
    id=ids,
    number=texts,
    customer_id=maybe(ids),
    currency=st.just("KGS"),
    receipt=maybe(receipts),
    policy_frozen=st.booleans(),
    promise=maybe(st.builds(account.PromisedPayment, amount=positive, until=instants)),
    money_holds=small,
    overdrawn=st.booleans(),
    **stored,
)
payments = st.builds(
    payment.Payment,
    id=ids,
    account_id=ids,
    contract_id=maybe(ids),
    amount=positive,
    method=st.sampled_from(payment.PaymentMethod),
    gateway=texts,
    at=instants,
    gateway_reference=maybe(texts),
    failure=texts,
    meant_for=maybe(texts),
    entry_id=maybe(ids),
    refunded=positive,
    reconciliation=st.sampled_from(payment.Reconciliation),
    status=st.sampled_from(payment.PaymentStatus),
    **stored,
)
refunds = st.builds(
    refund.Refund,
    id=ids,
    payment_id=ids,
    account_id=ids,
    amount=positive,
    gateway=texts,
    reason=texts,
    requested_entry_id=ids,
    gateway_reference=maybe(texts),
    status=st.sampled_from(refund.RefundStatus),
    **stored,
)
tasks = st.builds(
    provisioning.ProvisioningTask,
    id=ids,
    kind=st.sampled_from(provisioning.ProvisioningKind),
    contract_id=ids,
    iccid=iccids,
    imsi=maybe(imsis),
    msisdn=msisdns,
    bars=st.frozensets(st.sampled_from(Bar)),
    previous_iccid=maybe(iccids),
    previous_msisdn=maybe(msisdns),
    asked_at=instants,
    steps=several(st.builds(provisioning.StepFact, name=texts, at=instants, reference=texts)),
    attempts=small,
    lease_until=maybe(instants),
    silent=st.booleans(),
    error=texts,
    ticket_id=maybe(ids),
    status=st.sampled_from(provisioning.ProvisioningStatus),
    **stored,
)
tickets = st.builds(
    ticket.Ticket,
    id=ids,
    number=texts,
    customer_id=ids,
    contract_id=maybe(ids),
    subject=texts,
    priority=st.sampled_from(ticket.TicketPriority),
    assignee=maybe(texts),
    queue=maybe(texts),
    comments=several(
        st.builds(ticket.Comment, id=ids, at=instants, by=texts, text=texts, internal=st.booleans())
    ),
    attachments=several(st.builds(ticket.TicketFile, **of_file, internal=st.booleans())),
    follow_up_of=maybe(ids),
    blocked_for=maybe(st.sampled_from(ticket.BlockReason)),
    created_at=instants,
    status=st.sampled_from(ticket.TicketStatus),
    **stored,
)
import_jobs = st.builds(
    importing.ImportJob,
    id=ids,
    kind=st.sampled_from(importing.ImportKind),
    file_id=maybe(ids),
    over_at=maybe(instants),
    sha256=texts,
    file_name=texts,
    encoding=maybe(texts),
    separator=maybe(st.sampled_from(importing.SEPARATORS)),
    dry_run=st.booleans(),
    activate=st.booleans(),
    policy=maybe(texts),
    total=maybe(small),
    position=small,
    counts=small.map(lambda n: importing.ImportCounts(read=n, created=n)),
    activating=small,
    blocked=small,
    structure_faults=several(st.builds(Fault, texts, texts, texts, texts)),
    uploaded_at=instants,
    status=st.sampled_from(importing.ImportStatus),
    **stored,
)
notifications = st.builds(
    notification.Notification,
    id=ids,
    customer_id=ids,
    event=st.just(notification.LOW_BALANCE),
    channel=st.sampled_from(notification.NotificationChannel),
    language=texts,
    facts=st.fixed_dictionaries({"balance": texts, "currency": texts, "account": texts}),
    attempts=small,
    expires_at=maybe(instants),
    queued_at=instants,
    status=st.sampled_from(notification.NotificationStatus),
    **stored,
)
webhooks = st.builds(
    webhook.Webhook,
    id=ids,
    url=texts,
    wanted=several(texts),
    secret=texts,
    failures=small,
    last_error=texts,
    next_attempt_at=maybe(instants),
    created_at=instants,
    status=st.sampled_from(webhook.WebhookStatus),
    **stored,
)
actors = st.builds(lifecycle.Actor, texts, maybe(texts), maybe(texts))
approvals = st.builds(
    approval.Approval,
    id=ids,
    kind=st.sampled_from(approval.ApprovalKind),
    thing_id=texts,
    amount=maybe(positive),
    reason=texts,
    asked_by=actors,
    asked_at=instants,
    decided_by=maybe(actors),
    comment=texts,
    outcome=texts,
    status=st.sampled_from(approval.ApprovalStatus),
    **stored,
)
users = st.builds(
    user.User,
    id=ids,
    login=ids.map(lambda value: value.hex),
    name=texts,
    role=texts,
    preferences=st.builds(
        user.Preferences,
        language=maybe(texts),
        theme=st.sampled_from(user.Theme),
        shortcuts=st.booleans(),
    ),
    password_hash=maybe(texts),
    invitation=maybe(texts),
    invitation_ends_at=maybe(instants),
    totp_secret=maybe(texts),
    totp_confirmed_at=maybe(instants),
    totp_step=st.integers(0, 10**9),
    recovery=several(texts),
    news_read_at=maybe(instants),
    created_at=instants,
    status=st.sampled_from(user.UserStatus),
    **stored,
)
sessions = st.builds(
    session.Session,
    id=ids,
    digest=ids.map(lambda value: value.hex),
    csrf=texts,
    user_id=maybe(ids),
    customer_id=maybe(ids),
    stage=st.sampled_from(session.SessionStage),
    address=texts,
    agent=texts,
    started_at=instants,
    seen_at=instants,
    idle=small.map(lambda seconds: timedelta(seconds=seconds)),
    ends_at=instants,
    ended_at=maybe(instants),
)
customer_passwords = st.builds(
    session.CustomerPassword, id=ids, password_hash=maybe(texts), set_at=instants
)
tokens = st.builds(
    token.Token,
    id=ids,
    name=texts,
    role=texts,
    scopes=maybe(
        several(st.builds(role.Scope, st.sampled_from(role.Area), st.sampled_from(role.Action)))
    ),
    digest=ids.map(lambda value: value.hex),
    made_by=actors,
    created_at=instants,
    expires_at=maybe(instants),
    revoked_at=maybe(instants),
    last_used_at=maybe(instants),
)


def _reason(values):
    return Reason.of(" ".join(f"%({place})s" for place in values), **values)


def _reasons(of_which):
    filled = of_which | st.lists(of_which, min_size=1, max_size=3)
    places = st.sampled_from(("one", "other", "third"))
    return st.dictionaries(places, filled).map(_reason)


fillings = texts | small | amounts | days
reasons = _reasons(st.recursive(fillings, _reasons, max_leaves=4))
row_outcomes = st.builds(
    importing.RowOutcome,
    line=st.integers(1, 10**6),
    outcome=st.sampled_from(("created", "updated", "unchanged")).map(importing.Outcome),
    warnings=several(reasons),
)
