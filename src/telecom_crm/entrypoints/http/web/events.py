"""Events in words, each with the icon and the tone it is shown with."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from telecom_crm.domain.contract import CloseReason
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.sim import RetireReason
from telecom_crm.domain.ticket import BlockReason
from telecom_crm.entrypoints.http.web.i18n import gettext
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.messages import failure

EVENTS: Mapping[str, tuple[str, str, str]] = {
    # Customers
    "CustomerRegistered": (N_("Customer registered"), "user-plus", "info"),
    "CustomerActivated": (N_("First contract signed"), "user-check", "ok"),
    "CustomerUpdated": (N_("Data changed"), "pencil", "none"),
    "CustomerNoted": (N_("Note written"), "sticky-note", "info"),
    "CustomerNotePinned": (N_("Note pinned"), "pin", "none"),
    "CustomerNoteUnpinned": (N_("Note unpinned"), "pin", "none"),
    "CustomerBlocked": (N_("Customer blocked"), "user-x", "bad"),
    "CustomerUnblocked": (N_("Block lifted"), "user-check", "ok"),
    "CustomerClosed": (N_("Customer closed"), "archive", "none"),
    "CustomerReopened": (N_("Customer taken back"), "rotate-ccw", "info"),
    "CustomersMerged": (N_("Merged into another customer"), "git-merge", "warn"),
    "CustomersUnmerged": (N_("Merge undone"), "git-merge", "warn"),
    "CustomerAbsorbed": (N_("Took over another customer"), "git-merge", "warn"),
    "CustomerDetached": (N_("Gave back another customer"), "git-merge", "warn"),
    "CustomerDuplicateDismissed": (N_("Not the same person"), "user-x", "none"),
    "CustomerErased": (N_("Personal data erased"), "trash-2", "bad"),
    "CustomerIdentityHandedOver": (N_("Document passed to the other customer"), "id-card", "warn"),
    # Applications
    "ApplicationCaptured": (N_("Application received"), "file-plus", "info"),
    "ApplicationValidated": (N_("Application approved"), "list-checks", "ok"),
    "ApplicationInformationAsked": (N_("More data asked for"), "circle-help", "warn"),
    "ApplicationInformationSupplied": (N_("Data supplied"), "pencil", "info"),
    "ApplicationClaimed": (N_("Application taken to work"), "user", "info"),
    "ApplicationUnclaimed": (N_("Application given back"), "rotate-ccw", "none"),
    "ApplicationLeaseExpired": (N_("Application offered again"), "clock", "warn"),
    "ApplicationHeld": (N_("Application put on hold"), "pause", "warn"),
    "ApplicationReleased": (N_("Application taken up again"), "play", "info"),
    "ApplicationCompleted": (N_("Application completed"), "circle-check", "ok"),
    "ApplicationFailed": (N_("Application failed"), "circle-x", "bad"),
    "ApplicationRejected": (N_("Application rejected"), "circle-x", "bad"),
    "ApplicationCancelled": (N_("Application cancelled"), "x", "none"),
    "ApplicationLinked": (N_("Application linked to a customer"), "user-check", "info"),
    "ApplicationScanAttached": (N_("Scan added"), "paperclip", "info"),
    "ApplicationContractLinked": (N_("Contract made from the application"), "file-text", "ok"),
    "ApplicationDuplicateDismissed": (N_("The applicant is another person"), "user-x", "none"),
    "ApplicationRepointed": (N_("Application moved to another customer"), "git-merge", "warn"),
    "ApplicationErased": (N_("Application erased"), "trash-2", "bad"),
    # Contracts
    "ContractDrafted": (N_("Contract drafted"), "file-plus", "info"),
    "ContractAccepted": (N_("Contract signed"), "file-text", "ok"),
    "ContractCancelled": (N_("Contract cancelled"), "x", "none"),
    "ContractActivationRequested": (N_("Activation begun"), "zap", "info"),
    "ContractActivated": (N_("Contract activated"), "zap", "ok"),
    "ContractActivationFailed": (N_("Activation failed"), "zap", "bad"),
    "ContractAmended": (N_("Terms changed"), "pencil", "info"),
    "ContractAmendmentTookEffect": (N_("New terms took effect"), "check", "ok"),
    "ContractSimSwapped": (N_("SIM card replaced"), "card-sim", "info"),
    "ContractNumberChanged": (N_("Number changed"), "hash", "info"),
    "ContractSuspended": (N_("Contract suspended"), "circle-pause", "warn"),
    "ContractHoldLifted": (N_("One reason of the suspension is gone"), "play", "info"),
    "ContractResumed": (N_("Contract resumed"), "play", "ok"),
    "ContractClosed": (N_("Contract ended"), "archive", "none"),
    "ContractPolicyChosen": (N_("Billing policy chosen"), "receipt-text", "none"),
    "ContractDocumentAdded": (N_("Document added"), "paperclip", "info"),
    "ContractDocumentsRenamed": (N_("Documents renamed"), "paperclip", "none"),
    # Accounts
    "AccountOpened": (N_("Account opened"), "wallet", "info"),
    "AccountGiven": (N_("Account passed to another customer"), "wallet", "warn"),
    "AccountOverdrawn": (N_("Account below zero"), "wallet", "bad"),
    "BillingPolicyChosen": (N_("Billing policy of the account chosen"), "receipt-text", "none"),
    "BillingPolicyFrozen": (N_("Billing policy fixed"), "lock", "none"),
    "LowBalance": (N_("Little money is left"), "wallet", "warn"),
    "MoneyHoldsChanged": (N_("Suspensions for money changed"), "wallet", "none"),
    "OverdraftHandled": (N_("Overdraft dealt with"), "wallet", "none"),
    "PaymentPromised": (N_("Promised payment granted"), "banknote", "info"),
    "PromiseEnded": (N_("Promised payment ended"), "banknote", "none"),
    # Payments
    "PaymentInitiated": (N_("Payment begun"), "credit-card", "info"),
    "PaymentSent": (N_("Payment sent to the provider"), "send", "info"),
    "PaymentConfirmed": (N_("Payment received"), "wallet", "ok"),
    "PaymentFailed": (N_("Payment failed"), "circle-x", "bad"),
    "PaymentTimedOut": (N_("Outcome of the payment is not known"), "clock", "warn"),
    "PaymentCancelled": (N_("Payment cancelled"), "x", "none"),
    "PaymentExpired": (N_("Payment expired"), "clock", "none"),
    "PaymentGivenUp": (N_("Payment given up"), "x", "warn"),
    "PaymentDisputed": (N_("Payment disputed"), "scale", "warn"),
    "DisputeWon": (N_("Dispute won"), "scale", "ok"),
    "DisputeLost": (N_("Dispute lost"), "scale", "bad"),
    "PaymentReversed": (N_("Payment undone"), "rotate-ccw", "warn"),
    "PaymentReturned": (N_("Payment returned"), "rotate-ccw", "warn"),
    "PaymentKept": (N_("Payment kept until its owner is found"), "inbox", "warn"),
    "PaymentAllocated": (N_("Payment matched to an account"), "check", "ok"),
    "AllocationTakenBack": (N_("Match of the payment undone"), "rotate-ccw", "warn"),
    "PaymentRefundRequested": (N_("Refund of the payment asked for"), "rotate-ccw", "info"),
    "PaymentRefundFailed": (N_("Refund of the payment failed"), "circle-x", "bad"),
    "RefundRequested": (N_("Refund asked for"), "rotate-ccw", "info"),
    "RefundSent": (N_("Refund sent"), "send", "info"),
    "RefundPaid": (N_("Money paid back"), "rotate-ccw", "ok"),
    "RefundFailed": (N_("Refund failed"), "circle-x", "bad"),
    "RefundTimedOut": (N_("Outcome of the refund is not known"), "clock", "warn"),
    # SIM cards and numbers
    "SimReceived": (N_("SIM card received"), "card-sim", "info"),
    "SimReserved": (N_("SIM card reserved"), "card-sim", "info"),
    "SimReservationCancelled": (N_("Reservation of the SIM card cancelled"), "card-sim", "none"),
    "SimReservationExpired": (N_("Reservation of the SIM card expired"), "clock", "none"),
    "SimBound": (N_("SIM card sold"), "card-sim", "ok"),
    "SimUnbound": (N_("SIM card back in stock"), "card-sim", "none"),
    "SimHandedOver": (N_("SIM card passed to another contract"), "card-sim", "none"),
    "SimActivated": (N_("SIM card activated"), "card-sim", "ok"),
    "SimBarred": (N_("SIM card barred"), "ban", "bad"),
    "SimUnbarred": (N_("SIM card unbarred"), "card-sim", "ok"),
    "SimRetired": (N_("SIM card retired"), "archive", "none"),
    "SimCorrected": (N_("Data of the SIM card corrected"), "pencil", "none"),
    "SimRenumbered": (N_("SIM card has another number"), "hash", "info"),
    "NumberReceived": (N_("Number received"), "hash", "info"),
    "NumberReserved": (N_("Number reserved"), "hash", "info"),
    "NumberReservationCancelled": (N_("Reservation of the number cancelled"), "hash", "none"),
    "NumberReservationExpired": (N_("Reservation of the number expired"), "clock", "none"),
    "NumberAssigned": (N_("Number assigned"), "hash", "ok"),
    "NumberUnassigned": (N_("Number taken back"), "hash", "none"),
    "NumberHandedOver": (N_("Number passed to another contract"), "hash", "none"),
    "NumberQuarantined": (N_("Number in quarantine"), "clock", "warn"),
    "NumberRecycled": (N_("Number free again"), "refresh-cw", "ok"),
    "NumberRestored": (N_("Number given back to its contract"), "rotate-ccw", "info"),
    "NumberReturned": (N_("Number returned to its operator"), "arrow-right", "none"),
    "NumberPortedIn": (N_("Number came from another operator"), "arrow-left-right", "ok"),
    "NumberPortedOut": (N_("Number went to another operator"), "arrow-left-right", "warn"),
    "NumberReturnedFromPort": (N_("Number came back"), "arrow-left-right", "info"),
    "NumberReclassified": (N_("Class of the number changed"), "tags", "none"),
    "NumberWithdrawn": (N_("Number withdrawn"), "ban", "bad"),
    # Network
    "ProvisioningRequested": (N_("Task for the network"), "radio", "info"),
    "ProvisioningStarted": (N_("Network began the task"), "radio", "info"),
    "ProvisioningStepDone": (N_("Network did a step"), "radio", "info"),
    "ProvisioningDone": (N_("Network did the task"), "radio", "ok"),
    "ProvisioningFailed": (N_("Network refused the task"), "radio", "bad"),
    "ProvisioningLeaseLost": (N_("Task offered again"), "clock", "warn"),
    "ProvisioningUnanswered": (N_("Network did not answer"), "clock", "warn"),
    "ProvisioningTicketOpened": (N_("Ticket opened about it"), "message-square-plus", "warn"),
    "ProvisioningRetried": (N_("Task tried again"), "refresh-cw", "info"),
    "ProvisioningSkipped": (N_("Task skipped"), "arrow-right", "warn"),
    "ProvisioningUndone": (N_("Task dropped"), "circle-x", "warn"),
    # Tickets
    "TicketCreated": (N_("Ticket opened"), "message-square-plus", "info"),
    "TicketActivated": (N_("Ticket taken to work"), "play", "info"),
    "TicketAssigned": (N_("Ticket assigned"), "user", "none"),
    "TicketSuspended": (N_("Ticket paused"), "pause", "warn"),
    "TicketResumed": (N_("Ticket resumed"), "play", "info"),
    "TicketBlocked": (N_("Ticket blocked"), "ban", "warn"),
    "TicketClosed": (N_("Ticket closed"), "circle-check", "ok"),
    "TicketCommented": (N_("Comment added"), "message-square", "none"),
    "TicketPrioritised": (N_("Priority changed"), "activity", "none"),
    "TicketFileAttached": (N_("File attached"), "paperclip", "none"),
    "TicketRepointed": (N_("Ticket moved to another customer"), "git-merge", "warn"),
    "TicketErased": (N_("Ticket erased"), "trash-2", "bad"),
    # Rules
    "RulesChanged": (N_("Rules changed"), "settings", "info"),
    # Messages
    "NotificationQueued": (N_("Message written"), "mail", "info"),
    "NotificationSent": (N_("Message sent"), "send", "info"),
    "NotificationDelivered": (N_("Message delivered"), "mail", "ok"),
    "NotificationFailed": (N_("Message not delivered"), "mail", "bad"),
    "NotificationRetried": (N_("Message sent again"), "refresh-cw", "info"),
    "NotificationExpired": (N_("Message out of date"), "clock", "none"),
    # Imports
    "ImportUploaded": (N_("File uploaded"), "file-up", "info"),
    "ImportChecked": (N_("File checked"), "list-checks", "ok"),
    "ImportRefused": (N_("File has another structure"), "circle-x", "bad"),
    "ImportStarted": (N_("Import begun"), "play", "info"),
    "ImportAdvanced": (N_("Import went on"), "activity", "none"),
    "ImportCompleted": (N_("Import completed"), "circle-check", "ok"),
    "ImportAborted": (N_("Import stopped"), "ban", "warn"),
    "ImportResumed": (N_("Import resumed"), "play", "info"),
    "ImportFileErased": (N_("File of the import erased"), "trash-2", "none"),
    # Tariffs
    "TariffCreated": (N_("Tariff drafted"), "tags", "info"),
    "TariffPublished": (N_("Tariff put on sale"), "tags", "ok"),
    "TariffRetired": (N_("Tariff not sold any more"), "archive", "none"),
    "TariffMadeObsolete": (N_("Tariff made obsolete"), "archive", "warn"),
    "OptionCreated": (N_("Option drafted"), "tags", "info"),
    "OptionPublished": (N_("Option put on sale"), "tags", "ok"),
    "OptionRetired": (N_("Option not sold any more"), "archive", "none"),
    "OptionMadeObsolete": (N_("Option made obsolete"), "archive", "warn"),
    "TariffDescribed": (N_("Tariff described"), "tags", "none"),
    "TariffVersionPublished": (N_("Version of the tariff published"), "tags", "ok"),
    "OptionDescribed": (N_("Option described"), "tags", "none"),
    "OptionVersionPublished": (N_("Version of the option published"), "tags", "ok"),
    # Approvals
    "ApprovalAsked": (N_("Approval asked for"), "circle-help", "info"),
    "ApprovalGiven": (N_("Approved"), "badge-check", "ok"),
    "ApprovalReturned": (N_("Sent back without approval"), "rotate-ccw", "warn"),
    "ApprovalWithdrawn": (N_("Request for approval withdrawn"), "x", "none"),
    "ApprovalCarriedOut": (N_("What was approved is done"), "check", "ok"),
    "ApprovalFailed": (N_("What was approved failed"), "circle-x", "bad"),
    # Users
    "UserInvited": (N_("User invited"), "user-plus", "info"),
    "UserActivated": (N_("Invitation accepted"), "user-check", "ok"),
    "UserPasswordReset": (N_("New invitation sent"), "key-round", "warn"),
    "UserPasswordChanged": (N_("Password changed"), "key-round", "info"),
    "UserBlocked": (N_("User blocked"), "user-x", "bad"),
    "UserUnblocked": (N_("User unblocked"), "user-check", "ok"),
    "UserRemoved": (N_("User removed"), "trash-2", "bad"),
    "UserRenamed": (N_("User renamed"), "pencil", "none"),
    "UserRoleChanged": (N_("Role changed"), "shield", "warn"),
    "UserNewsRead": (N_("Notifications marked as read"), "bell", "none"),
    "UserPreferencesChanged": (N_("Preferences changed"), "settings", "none"),
    "UserSecondStepBegun": (N_("Two-step sign-in being set up"), "smartphone", "none"),
    "UserSecondStepConfirmed": (N_("Two-step sign-in switched on"), "shield-check", "ok"),
    "UserSecondStepDropped": (N_("Two-step sign-in switched off"), "shield", "warn"),
    "UserCodeUsed": (N_("Code used"), "smartphone", "none"),
    "UserRecoveryUsed": (N_("Recovery code used"), "key-round", "warn"),
    "UserRecoveryRenewed": (N_("Recovery codes renewed"), "key-round", "none"),
    # Webhooks
    "WebhookRegistered": (N_("Webhook registered"), "globe", "info"),
    "WebhookFailed": (N_("Webhook did not answer"), "globe", "warn"),
    "WebhookRecovered": (N_("Webhook answers again"), "globe", "ok"),
    "WebhookPaused": (N_("Webhook paused"), "pause", "none"),
    "WebhookResumed": (N_("Webhook resumed"), "play", "info"),
    "WebhookGivenUp": (N_("Webhook given up"), "globe", "bad"),
    "WebhookRemoved": (N_("Webhook removed"), "trash-2", "none"),
}
"""Every event that a page may show; a test looks whether one is missing."""


REASONS: Mapping[str, type[StrEnum]] = {
    "ContractClosed": CloseReason,
    "SimRetired": RetireReason,
    "TicketBlocked": BlockReason,
}
"""Whose members the reasons of events are."""
FAILING = ("payment", "refund", "provisioning_task")
"""The things whose reasons a gateway or the network may have told."""


def event_told(event: Event) -> tuple[str, str, str, str]:
    """Return an event's words, icon, tone and reason in words."""
    if event.name == "TicketBlocked" and event.reason == BlockReason.RESOLVED:
        return gettext("Ticket resolved"), "circle-check", "ok", ""
    if "hold" in event.payload:
        hold = label(HoldKind(event.payload["hold"]))
        return *event_shown(event.name), ": ".join(filter(None, (hold, event.reason)))
    kind = REASONS.get(event.name)
    known = kind is not None and event.reason in list(kind)
    if kind is not None and known:
        return *event_shown(event.name), label(kind(event.reason))
    by_machine = event.thing in FAILING  # elsewhere a person may have typed the same word
    return *event_shown(event.name), failure(event.reason) if by_machine else event.reason


def event_shown(name: str) -> tuple[str, str, str]:
    """Return an event's words, icon and tone; of an embedder's own, its name read as words."""
    found = EVENTS.get(name)
    if found is None:
        words = "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()
        return words[:1].upper() + words[1:], "activity", "none"
    return gettext(found[0]), found[1], found[2]
