package store

import (
	"cmp"
	"context"
	"database/sql"

	"github.com/automobilepay/mobilepay/loan"
)

const customerColumns = "id, username, first_name, last_name, born_on, email, phone, " +
	"address_line1, address_line2, city, state, postal_code, notify_by_email, notify_by_text, language"

var (
	customerByID         = prepare(`SELECT ` + customerColumns + ` FROM customers WHERE id = $1`)
	customersByID        = prepare(`SELECT ` + customerColumns + ` FROM customers WHERE id {{in $1}}`)
	lockCustomer         = prepare(`SELECT ` + customerColumns + ` FROM customers WHERE id = $1 {{lock}}`)
	updateContactDetails = prepare(`
UPDATE customers SET email = $2, phone = $3, address_line1 = $4, address_line2 = $5, city = $6, state = $7, postal_code = $8,
    notify_by_email = $9, notify_by_text = $10, language = $11
WHERE id = $1`)
	insertCustomer = prepare(`
INSERT INTO customers (username, password_hash, first_name, last_name, born_on, email, phone, address_line1, address_line2, city, state,
    postal_code, notify_by_email, notify_by_text, language)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id`)
)

// Customer gets a customer; [ErrNotFound].
func (q *queries) Customer(ctx context.Context, id loan.CustomerID) (*loan.Customer, error) {
	var c *loan.Customer
	err := q.query(ctx, customerByID, func(rows *sql.Rows) error {
		c = new(loan.Customer)
		return scan(rows, &c.ID, &c.Username, &c.FirstName, &c.LastName, &c.BornOn, &c.Email, &c.Phone,
			&c.Line1, &c.Line2, &c.City, &c.State, &c.PostalCode, &c.ByEmail, &c.ByText, &c.Language)
	}, id)
	if err == nil && c == nil {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// CustomersByID gets customers who are to be told something.
func (tx *Tx) CustomersByID(ctx context.Context, ids []loan.CustomerID) (map[loan.CustomerID]*loan.Customer, error) {
	var list []*loan.Customer
	err := tx.list(ctx, &list, customersByID, keys(tx.dialect, ids))
	customers := make(map[loan.CustomerID]*loan.Customer, len(list))
	for _, c := range list {
		customers[c.ID] = c
	}
	return customers, err
}

// LockCustomer gets a customer and holds it until the transaction ends, for who
// then writes it as a whole; [ErrNotFound].
func (tx *Tx) LockCustomer(ctx context.Context, id loan.CustomerID) (*loan.Customer, error) {
	c := new(loan.Customer)
	if err := tx.get(ctx, c, lockCustomer, id); err != nil {
		return nil, err
	}
	return c, nil
}

// UpdateContact writes the e-mail, phone, address, notifications and language of c.
func (tx *Tx) UpdateContact(ctx context.Context, c *loan.Customer) error {
	return tx.execOne(ctx, updateContactDetails, c.ID, c.Email, c.Phone, c.Line1, c.Line2, c.City, c.State, c.PostalCode,
		c.ByEmail, c.ByText, c.Language)
}

// InsertCustomer adds c and gives it its id; [ErrConflict] where the username is
// taken. Who has no language is spoken to in English.
func (tx *Tx) InsertCustomer(ctx context.Context, c *loan.Customer, passwordHash string) error {
	c.Language = cmp.Or(c.Language, loan.English)
	return tx.get(ctx, &c.ID, insertCustomer, c.Username, passwordHash, c.FirstName, c.LastName, c.BornOn,
		c.Email, c.Phone, c.Line1, c.Line2, c.City, c.State, c.PostalCode, c.ByEmail, c.ByText, c.Language)
}
