-- What the server's role {{role}} may do, and no more. mobilepay migrate --grant
-- carries it out as the owner of the tables, every time anew.
GRANT USAGE ON SCHEMA public TO {{role}};
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {{role}};
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {{role}};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {{role}};

-- Tables that later migrations add.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE ON TABLES TO {{role}};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {{role}};

-- Rows that are only ever added.
REVOKE UPDATE ON audit, events, ledger, statements, statement_postings, owners, ach_returns, payment_traces, disclosures, consents FROM {{role}};

-- The ends of the audit's chains move by adding a row, and with it alone.
REVOKE INSERT, UPDATE ON audit_heads FROM {{role}};
REVOKE EXECUTE ON FUNCTION lock_audit_heads FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lock_audit_heads TO {{role}};

-- Which migrations were done.
REVOKE INSERT, UPDATE ON goose_db_version, river_migration FROM {{role}};

-- Where rows are removed when their time is over, or what they tell of is.
GRANT DELETE ON second_factors, recovery_codes, devices, pending_contacts, partner_events, webhook_secrets, webhook_deliveries TO {{role}};
GRANT DELETE ON events, idempotency_keys, river_job, river_leader, river_queue, river_client, river_client_queue TO {{role}};

-- What an operator has proposed or placed is decided or lifted, and not changed.
REVOKE UPDATE ON corrections, holds FROM {{role}};
GRANT UPDATE (status, decided_by, decided_at, decision) ON corrections TO {{role}};
GRANT UPDATE (lifted_by, lifted_at, lift_reason) ON holds TO {{role}};
