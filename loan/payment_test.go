package loan_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/automobilepay/mobilepay/loan"
)

func TestCheckCancel(t *testing.T) {
	const owner, jointOwner = 1, 2
	deadline := et("2026-11-18 15:00:00")
	tests := map[string]struct {
		status   loan.PaymentStatus
		customer loan.CustomerID
		now      time.Time
		want     loan.Code
	}{
		"in time":                  {loan.Scheduled, owner, et("2026-11-18 14:59:59.999"), ""},
		"days before":              {loan.Scheduled, owner, et("2026-11-01 10:00:00"), ""},
		"at the cut-off":           {loan.Scheduled, owner, et("2026-11-18 15:00:00.000"), loan.CodeCancelWindowClosed},
		"after the cut-off":        {loan.Scheduled, owner, et("2026-11-18 15:00:00.001"), loan.CodeCancelWindowClosed},
		"the 18:00 window":         {loan.Scheduled, owner, et("2026-11-18 17:00:00"), loan.CodeCancelWindowClosed},
		"by a joint owner":         {loan.Scheduled, jointOwner, et("2026-11-18 10:00:00"), loan.CodeNotPermitted},
		"by one, too late":         {loan.Scheduled, jointOwner, et("2026-11-18 16:00:00"), loan.CodeNotPermitted},
		"by nobody":                {loan.Scheduled, 0, et("2026-11-18 10:00:00"), loan.CodeNotPermitted},
		"twice":                    {loan.Canceled, owner, et("2026-11-18 10:00:00"), loan.CodeNotCancelable},
		"twice, too late":          {loan.Canceled, owner, et("2026-11-18 16:00:00"), loan.CodeNotCancelable},
		"processing":               {loan.Processing, owner, et("2026-11-18 16:00:00"), loan.CodeCancelWindowClosed},
		"processing, clock behind": {loan.Processing, owner, et("2026-11-18 14:59:59.999"), loan.CodeCancelWindowClosed},
		"applied":                  {loan.Applied, owner, et("2026-11-18 16:00:00"), loan.CodeCancelWindowClosed},
		"settled":                  {loan.Settled, owner, et("2026-11-28 16:00:00"), loan.CodeCancelWindowClosed},
		"returned":                 {loan.Returned, owner, et("2026-11-28 16:00:00"), loan.CodeCancelWindowClosed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			payment := &loan.Payment{ScheduledBy: owner, Status: test.status, CancelBy: deadline}
			err := payment.CheckCancel(loan.Agent{Customer: test.customer}, test.now)
			if codeOf(err) != test.want || (err == nil) != (test.want == "") {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if payment.MayBeCanceledBy(loan.Agent{Customer: test.customer}, test.now) != (err == nil) {
				t.Error("MayBeCanceledBy and CheckCancel disagree")
			}
			if closed, ok := errors.AsType[*loan.CancelWindowClosed](err); ok && closed.ClosedAt != deadline {
				t.Errorf("closed at %v, want %v", closed.ClosedAt, deadline)
			}
		})
	}
}

// A customer can cancel what a partner made for them; a partner only what it made, and
// for the same customer.
func TestCheckCancelByPartner(t *testing.T) {
	const owner, joint, partner, other = 1, 2, 7, 8
	made := loan.PartnerID(partner)
	now := et("2026-11-18 10:00:00")
	for _, test := range []struct {
		by   *loan.PartnerID
		who  loan.Agent
		want loan.Code
	}{
		{&made, loan.Agent{Customer: owner}, ""},
		{&made, loan.Agent{Customer: owner, Partner: partner}, ""},
		{&made, loan.Agent{Customer: owner, Partner: other}, loan.CodeNotPermitted},
		{&made, loan.Agent{Customer: joint, Partner: partner}, loan.CodeNotPermitted},
		{&made, loan.Agent{Partner: partner}, loan.CodeNotPermitted},
		{nil, loan.Agent{Customer: owner, Partner: partner}, loan.CodeNotPermitted},
	} {
		payment := &loan.Payment{ScheduledBy: owner, PartnerID: test.by, Status: loan.Scheduled, CancelBy: now.Add(time.Hour)}
		if err := payment.CheckCancel(test.who, now); codeOf(err) != test.want || (err == nil) != (test.want == "") {
			t.Errorf("%+v: got %v, want %q", test.who, err, test.want)
		}
	}
}

// TestRefusals: every refusal is a UserError, with what a client needs of it.
func TestRefusals(t *testing.T) {
	refusal := loan.Refuse(loan.CodeNotFound, "There is nothing.", "input", "id")
	for _, err := range []loan.UserError{
		refusal,
		&loan.DateNotAllowed{Refusal: *refusal},
		&loan.AmountNotAllowed{Refusal: *refusal},
		&loan.CancelWindowClosed{Refusal: *refusal},
		&loan.LikelyDuplicate{Refusal: *refusal},
		&loan.PreviewChanged{Refusal: *refusal},
		&loan.AccountExists{Refusal: *refusal},
	} {
		if err.ErrorCode() != loan.CodeNotFound || err.ErrorMessage().String() != "There is nothing." ||
			!slices.Equal(err.ErrorPath(), []string{"input", "id"}) || err.Error() != "NOT_FOUND: There is nothing." {
			t.Errorf("%T: %v", err, err)
		}
	}
	if got := loan.NotFound("id"); got.Code != loan.CodeNotFound || !slices.Equal(got.Path, []string{"id"}) {
		t.Errorf("got %+v", got)
	}
}
