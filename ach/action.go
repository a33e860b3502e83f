package ach

import "github.com/automobilepay/mobilepay/loan"

// Category is how a return counts in the monitoring of return rates.
type Category string

// The categories of returns. Every return counts in the overall rate too.
const (
	Unauthorized   Category = "UNAUTHORIZED"
	Administrative Category = "ADMINISTRATIVE"
	OtherReturn    Category = "OTHER"
)

// The return rates which NACHA monitors over 60 days, in basis points of the debits
// originated: 0.5 %, 3 % and 15 % (NACHA Operating Rules, return rate reporting).
const (
	UnauthorizedLimit   = 50
	AdministrativeLimit = 300
	OverallLimit        = 1500
)

// Exceeds tells whether that many returns of debits are over a limit.
func Exceeds(limit, returns, debits int) bool { return returns*10_000 > limit*debits }

// A debit returned for want of money may be sent again MaxRepresentments times
// within RepresentDays of its own settlement (NACHA Operating Rules, reinitiation).
const (
	MaxRepresentments = 2
	RepresentDays     = 180
)

// AutoPayEffect is what a return does to Auto Pay on the account.
type AutoPayEffect int

// The effects, from none on.
const (
	KeepAutoPay AutoPayEffect = iota
	PauseAutoPay
	EndAutoPay
)

// Action is what a return leads to.
type Action struct {
	Reason        string // for people
	Category      Category
	ReverseCredit bool // take the credit of the payment back
	Represent     bool // the same debit may be sent again, within the limits
	BlockAccount  bool // no debit until the customer has put the account right
	CancelPending bool // cancel what is scheduled on the account
	AutoPay       AutoPayEffect
	OpenCase      bool // a person has to look at it
}

func (a Action) in(c Category) Action { a.Category = c; return a }
func (a Action) withCase() Action     { a.OpenCase = true; return a }
func (a Action) ends() Action         { a.AutoPay = EndAutoPay; return a }

// only takes the money back: the account is good, but not a second try.
func only(reason string) Action {
	return Action{Reason: reason, Category: OtherReturn, ReverseCredit: true}
}

// again is a want of money: the same debit may be tried again.
func again(reason string) Action {
	a := only(reason)
	a.Represent = true
	return a
}

// stop ends debits for now, but the account may be used again as it is.
func stop(reason string) Action {
	a := only(reason)
	a.CancelPending, a.AutoPay = true, PauseAutoPay
	return a
}

// block is an account that cannot be debited any more.
func block(reason string) Action {
	a := stop(reason)
	a.BlockAccount = true
	return a
}

// between is a quarrel of the two banks about a return that has been dealt with: the
// money does not move by itself.
func between(reason string) Action {
	return Action{Reason: reason, Category: OtherReturn, OpenCase: true}
}

// actions is what each return code leads to. The codes, their names and what may be
// sent again are from the NACHA Operating Rules, Appendix Four; what counts as
// unauthorised (R05, R07, R10, R11, R29, R51) and as administrative (R02, R03, R04)
// from their definitions in Article Eight. "Policy" marks the servicer's own rule
// (docs of the product, "Bank accounts and ACH"); what has no mark follows from the
// code's definition in Appendix Four, with the careful choice where there are two.
var actions = map[string]Action{
	"R01": again("Insufficient funds"),                                                                               // policy
	"R02": block("Account closed").in(Administrative),                                                                // policy
	"R03": block("No account, or unable to locate it").in(Administrative),                                            // policy
	"R04": block("Invalid account number").in(Administrative),                                                        // policy
	"R05": stop("Unauthorized debit to a consumer's account under a corporate SEC code").in(Unauthorized).withCase(), // policy: stop and fix
	"R06": only("Returned at the request of our bank").withCase(),                                                    // we, or our bank, asked: somebody knows why
	"R07": stop("Authorization revoked by the customer").in(Unauthorized).ends(),                                     // policy: Auto Pay ends; what was pending had the same authorisation
	"R08": only("Payment stopped"),                                                                                   // policy: again only with a new authorisation
	"R09": again("Uncollected funds"),                                                                                // policy
	"R10": block("The customer does not know us or did not authorize us").in(Unauthorized).withCase(),                // policy
	"R11": stop("Not in accordance with the authorization").in(Unauthorized).withCase(),                              // policy: stop and fix
	"R12": block("Branch sold to another bank"),                                                                      // the routing number is no longer right
	"R13": block("The routing number takes no entries"),                                                              // as R12
	"R14": block("Representative payee deceased").withCase(),                                                         // the contract itself needs care
	"R15": block("Account holder deceased").withCase(),                                                               // as R14
	"R16": block("Account frozen"),                                                                                   // policy
	"R17": block("Invalid account number under questionable circumstances").withCase(),                               // a sign of fraud
	"R18": only("Improper effective entry date").withCase(),                                                          // R18 and R19: the operator found our file wrong
	"R19": only("Amount field error").withCase(),
	"R20": block("Not a transaction account"),                // policy
	"R21": only("Invalid company identification").withCase(), // our data, not the customer's
	"R22": only("Invalid individual ID number").withCase(),
	"R23": between("Credit refused by the receiver"), // only a credit, so a reversal: there is nothing to take back
	"R24": only("Duplicate entry").withCase(),        // did we debit twice?
	"R25": only("Addenda error").withCase(),
	"R26": only("Mandatory field error").withCase(),
	"R27": only("Trace number error").withCase(),
	"R28": block("Routing number check digit error").withCase(),                // our own check should have found it
	"R29": block("Corporate customer advises not authorized").in(Unauthorized), // policy
	"R31": only("Permissible return").withCase(),                               // late, agreed with our bank
	"R32": block("The bank cannot settle").withCase(),
	"R34": block("The bank's participation is limited").withCase(),
	"R51": block("Ineligible or improper re-presented check").in(Unauthorized).withCase(), // never ours, but it counts

	// Between the banks: dishonored returns, and contested dishonored returns.
	"R61": between("Misrouted return"),
	"R62": between("Return of an erroneous or reversing debit"),
	"R67": between("Duplicate return"),
	"R68": between("Untimely return"),
	"R69": between("Field errors in the return"),
	"R70": between("Return not accepted, or not requested by our bank"),
	"R71": between("Misrouted dishonored return"),
	"R72": between("Untimely dishonored return"),
	"R73": between("Timely original return"),
	"R74": between("Corrected return"),
	"R75": between("Return not a duplicate"),
	"R76": between("No errors found"),
	"R77": between("Non-acceptance of a dishonored return"),
}

// ActionFor says what a return leads to. A code that the table does not have takes
// the money back, blocks the account and calls an operator: known is false.
//
// The action is that of a debit. Of a prenote there is no credit to take back, and
// of a reversal only the case matters.
func ActionFor(code string) (action Action, known bool) {
	if action, known = actions[code]; known {
		return action, true
	}
	return block("Unknown return code").withCase(), false
}

var reasons = map[string]loan.ReturnReason{
	"R01": loan.ReturnInsufficientFunds, "R09": loan.ReturnInsufficientFunds,
	"R02": loan.ReturnAccountClosed,
	"R03": loan.ReturnAccountNotFound, "R04": loan.ReturnAccountNotFound, "R12": loan.ReturnAccountNotFound, "R13": loan.ReturnAccountNotFound,
	"R16": loan.ReturnNoDebits, "R20": loan.ReturnNoDebits,
	"R08": loan.ReturnStopped,
	"R05": loan.ReturnNotAuthorized, "R07": loan.ReturnNotAuthorized, "R10": loan.ReturnNotAuthorized, "R11": loan.ReturnNotAuthorized,
	"R29": loan.ReturnNotAuthorized, "R51": loan.ReturnNotAuthorized,
}

// ReasonFor is what a customer is told of a return code: what they can do something
// about, and nothing of a death, a suspicion or our own mistake.
func ReasonFor(code string) loan.ReturnReason {
	if reason, known := reasons[code]; known {
		return reason
	}
	return loan.ReturnOther
}
