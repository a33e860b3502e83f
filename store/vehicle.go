package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

const vehicleSelect = `
SELECT v.id, v.customer_id, v.year, v.make, v.model, v.vin, v.paperless_since,
       c.kind, c.account_number_last4, c.opened_on, c.matures_on, c.term_months, c.instalment_cents,
       c.current_due_cents, c.due_on, c.past_due_cents, c.fees_cents,
       c.amount_financed_cents, c.principal_cents, c.annual_rate, c.interest_paid_through,
       c.interest_unpaid_cents, c.allows_principal_only, c.allocation_order,
       c.purchase_option_cents, c.instalments_remaining, c.miles_allowed, c.due_day, c.prepaid_cents, c.held_since`

const vehicleFrom = `
FROM owners o
JOIN vehicles v ON v.id = o.vehicle_id
JOIN contracts c ON c.vehicle_id = o.vehicle_id`

var (
	vehiclesOfOwner = prepare(vehicleSelect + vehicleFrom + `
WHERE o.customer_id = $1 ORDER BY v.id`)
	lockVehicle = prepare(vehicleSelect + vehicleFrom + `
WHERE o.customer_id = $1 AND o.vehicle_id = $2 {{lock contract}}`)
	lockVehicles = prepare(vehicleSelect + `
FROM vehicles v JOIN contracts c ON c.vehicle_id = v.id
WHERE v.id {{in $1}} ORDER BY v.id {{lock contract}}`)
	setPaperless = prepare(`
UPDATE vehicles SET paperless_since = $3
WHERE id = $2 AND id IN (SELECT vehicle_id FROM owners WHERE customer_id = $1)`)
	insertVehicle = prepare(`
INSERT INTO vehicles (customer_id, year, make, model, vin, paperless_since) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`)
	insertOwner    = prepare(`INSERT INTO owners (customer_id, vehicle_id) VALUES ($1, $2)`)
	insertContract = prepare(`
INSERT INTO contracts (vehicle_id, customer_id, kind, account_number_last4, opened_on, matures_on, term_months, instalment_cents,
    current_due_cents, due_on, past_due_cents, fees_cents, amount_financed_cents, principal_cents, annual_rate,
    interest_paid_through, interest_unpaid_cents, allows_principal_only, allocation_order,
    purchase_option_cents, instalments_remaining, miles_allowed, due_day, prepaid_cents)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)`)
)

const (
	kindLoan  = "LOAN"
	kindLease = "LEASE"
)

// Vehicles lists the vehicles that a customer owns, alone or jointly, with their
// contracts, oldest first.
func (q *queries) Vehicles(ctx context.Context, owner loan.CustomerID) ([]*loan.Vehicle, error) {
	var vehicles []*loan.Vehicle
	err := q.query(ctx, vehiclesOfOwner, func(rows *sql.Rows) error {
		v, err := scanVehicle(rows)
		vehicles = append(vehicles, v)
		return err
	}, owner)
	return vehicles, err
}

// LockVehicle gets a vehicle with its contract and holds the contract until the
// transaction ends: who changes what a vehicle owes or has pending goes through
// here, one after the other. [ErrNotFound].
func (tx *Tx) LockVehicle(ctx context.Context, owner loan.CustomerID, id loan.VehicleID) (*loan.Vehicle, error) {
	var vehicle *loan.Vehicle
	err := tx.query(ctx, lockVehicle, func(rows *sql.Rows) (err error) {
		vehicle, err = scanVehicle(rows)
		return err
	}, owner, id)
	if err == nil && vehicle == nil {
		err = ErrNotFound
	}
	return vehicle, err
}

func scanVehicle(rows *sql.Rows) (*loan.Vehicle, error) {
	var (
		v         loan.Vehicle
		t         loan.Terms
		l         loan.Loan
		lease     loan.Lease
		kind      string
		order     string
		paperless sql.NullTime
		held      sql.NullTime
	)
	err := scan(rows, &v.ID, &v.CustomerID, &v.Year, &v.Make, &v.Model, &v.VIN, &paperless,
		&kind, &t.AccountNumberLast4, &t.OpenedOn, &t.MaturesOn, &t.TermMonths, &t.Instalment,
		&t.CurrentDue, &t.DueOn, &t.PastDue, &t.Fees,
		&l.AmountFinanced, &l.Principal, &l.AnnualRate, &l.InterestPaidThrough,
		&l.InterestUnpaid, &l.AllowsPrincipalOnly, &order,
		&lease.PurchaseOption, &lease.InstalmentsRemaining, &lease.MilesAllowed, &t.DueDay, &lease.Prepaid, &held)
	if err != nil {
		return nil, err
	}
	if paperless.Valid {
		v.PaperlessSince = &paperless.Time
	}
	if held.Valid {
		v.HeldSince = &held.Time
	}
	switch kind {
	case kindLoan:
		l.Terms = t
		if order != "" {
			for bucket := range strings.SplitSeq(order, ",") {
				l.AllocationOrder = append(l.AllocationOrder, loan.Bucket(bucket))
			}
		}
		v.Contract = &l
	case kindLease:
		lease.Terms = t
		v.Contract = &lease
	default:
		return nil, fmt.Errorf("vehicle %d has a contract of kind %q", v.ID, kind)
	}
	return &v, nil
}

// SetPaperless writes since when statements of a vehicle are online only; nil for
// paper. [ErrNotFound].
func (tx *Tx) SetPaperless(ctx context.Context, owner loan.CustomerID, id loan.VehicleID, since *time.Time) error {
	return tx.execOne(ctx, setPaperless, owner, id, utcOrNull(since))
}

// LockVehicles gets vehicles whoever owns them, by id, and holds their contracts
// until the transaction ends. It is for runs that go through everybody's books.
func (tx *BooksTx) LockVehicles(ctx context.Context, ids []loan.VehicleID) (map[loan.VehicleID]*loan.Vehicle, error) {
	vehicles := make(map[loan.VehicleID]*loan.Vehicle, len(ids))
	err := tx.query(ctx, lockVehicles, func(rows *sql.Rows) error {
		v, err := scanVehicle(rows)
		if err == nil {
			vehicles[v.ID] = v
		}
		return err
	}, keys(tx.dialect, ids))
	return vehicles, err
}

// InsertVehicle adds v with its contract and primary owner, and gives it its id.
// What it owes is opened in the ledger.
func (tx *BooksTx) InsertVehicle(ctx context.Context, v *loan.Vehicle) error {
	if err := tx.get(ctx, &v.ID, insertVehicle, v.CustomerID, v.Year, v.Make, v.Model, v.VIN, utcOrNull(v.PaperlessSince)); err != nil {
		return err
	}
	if err := tx.InsertOwner(ctx, v.CustomerID, v.ID); err != nil {
		return err
	}
	if _, err := tx.exec(ctx, insertContract, contractRow(v)...); err != nil {
		return err
	}
	return tx.InsertOpenings(ctx, []*loan.Vehicle{v})
}

// InsertOwner lets a customer see a vehicle.
func (tx *BooksTx) InsertOwner(ctx context.Context, owner loan.CustomerID, id loan.VehicleID) error {
	_, err := tx.exec(ctx, insertOwner, owner, id)
	return err
}

// contractRow is the row of v in contracts, in the order of its columns.
func contractRow(v *loan.Vehicle) []any {
	t := v.Contract.Common()
	var (
		kind = kindLoan
		l    = &loan.Loan{}
		le   = &loan.Lease{}
	)
	switch c := v.Contract.(type) {
	case *loan.Loan:
		l = c
	case *loan.Lease:
		kind, le = kindLease, c
	}
	order := make([]string, len(l.AllocationOrder))
	for i, bucket := range l.AllocationOrder {
		order[i] = string(bucket)
	}
	return []any{
		v.ID, v.CustomerID, kind, t.AccountNumberLast4, t.OpenedOn, t.MaturesOn, t.TermMonths, t.Instalment,
		t.CurrentDue, t.DueOn, t.PastDue, t.Fees, l.AmountFinanced, l.Principal, l.AnnualRate,
		l.InterestPaidThrough, l.InterestUnpaid, l.AllowsPrincipalOnly, strings.Join(order, ","),
		le.PurchaseOption, le.InstalmentsRemaining, le.MilesAllowed, t.DueDay, le.Prepaid,
	}
}
