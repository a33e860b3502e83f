package seed

import (
	"context"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/servicing"
	"github.com/automobilepay/mobilepay/store"
)

// insertConsents adds what was agreed to where statements are online only.
func insertConsents(ctx context.Context, d Deps, b *store.Bulk, vehicles []*loan.Vehicle) error {
	text, err := servicing.NewDisclosure(d.Servicer, loan.English)
	if err != nil {
		return err
	}
	var consents []*loan.Consent
	for _, v := range vehicles {
		if v.PaperlessSince != nil {
			consents = append(consents, &loan.Consent{CustomerID: v.CustomerID, VehicleID: v.ID, Disclosure: *text, AgreedAt: *v.PaperlessSince})
		}
	}
	return b.InsertConsents(ctx, consents)
}
