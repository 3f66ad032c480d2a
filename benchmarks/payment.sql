-- One payment, statement by statement: the rows, the look-ups and the lock of the library's own.
-- Ids are made of numbers, since pgbench's own protocol sends plain text; they grow, as ours do.
\set n random(1, :accounts)
\set count :count + 1
\set p :base + :client_id * 1000000000 + :count
BEGIN;
SELECT id, currency, subscriber, receivable, unbilled, reserved, money_holds FROM accounts WHERE id = ('00000000-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid FOR NO KEY UPDATE;
SELECT digest, resource FROM keys WHERE caller = 'bench' AND key = lpad(to_hex(:p::bigint), 32, '0');
INSERT INTO payments (account_id, id, contract_id, amount_minor, currency, method, gateway, at, gateway_reference, failure, entry_id, refunded_minor, reconciliation, status, version) VALUES (('00000000-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid, lpad(to_hex(:p::bigint), 32, '0')::uuid, NULL, 15000, 'KGS', 'cash', 'cash_desk', now(), NULL, '', ('1' || lpad(to_hex(:p::bigint), 31, '0'))::uuid, 0, 'unreconciled', 'confirmed', 2);
INSERT INTO directory (id, account_id) VALUES (lpad(to_hex(:p::bigint), 32, '0')::uuid, ('00000000-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid);
INSERT INTO keys (caller, key, digest, resource) VALUES ('bench', lpad(to_hex(:p::bigint), 32, '0'), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', lpad(to_hex(:p::bigint), 32, '0')::uuid);
INSERT INTO entries (account_id, id, kind, currency, booked_at, caused_by, reverses, note) VALUES (('00000000-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid, ('1' || lpad(to_hex(:p::bigint), 31, '0'))::uuid, 'payment', 'KGS', now(), 'payment:' || lpad(to_hex(:p::bigint), 32, '0')::uuid, NULL, '');
INSERT INTO transfers (account_id, entry_id, leg, debit, credit, amount_minor, currency, counterparty, contract_id, tariff, tariff_version, charge_kind, period_start, period_end, booked_at) VALUES (('00000000-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid, ('1' || lpad(to_hex(:p::bigint), 31, '0'))::uuid, 0, '1020', '2010', 15000, 'KGS', 'cash_desk', NULL, '', NULL, '', NULL, NULL, now());
INSERT INTO events (thing_id, sequence, thing, name, at, by_name, by_token, command, before, after, reason, payload) VALUES (lpad(to_hex(:p::bigint), 32, '0')::uuid::text, 1, 'payment', 'PaymentInitiated', now(), 'bench', NULL, 'initiate', NULL, 'initiated', '', '{"account_id": "00000000-0000-7000-8000-000000000000", "contract_id": null, "amount": "150.00", "currency": "KGS", "gateway": "cash_desk"}');
INSERT INTO events (thing_id, sequence, thing, name, at, by_name, by_token, command, before, after, reason, payload) VALUES (lpad(to_hex(:p::bigint), 32, '0')::uuid::text, 2, 'payment', 'PaymentConfirmed', now(), 'bench', NULL, 'confirm', 'initiated', 'confirmed', '', '{"entry_id": "00000000-0000-7000-8000-000000000000", "amount": "150.00", "currency": "KGS"}');
UPDATE accounts SET subscriber = subscriber + 15000 WHERE id = ('00000000-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid;
COMMIT;
