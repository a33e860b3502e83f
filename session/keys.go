package session

import (
	"strconv"

	"github.com/automobilepay/mobilepay/loan"
)

// keys names all that Redis holds, and the channels. It is what every name begins with:
// installations that share a Redis have one each, and a cluster has no databases that
// could keep them apart.
//
// The braces are hash tags: in a cluster, keys with one tag live on one node, so that
// one script may touch them together.
type keys string

func (k keys) session(id string) string  { return string(k) + "session:{" + id + "}" }
func (k keys) replaced(id string) string { return string(k) + "replaced:{" + id + "}" }

// current is there while what is read in a session must not lag.
func (k keys) current(id string) string { return string(k) + "current:{" + id + "}" }

// sessionsOf is the index of a customer's sessions.
func (k keys) sessionsOf(customer loan.CustomerID) string {
	return string(k) + "customer:{" + strconv.FormatInt(int64(customer), 10) + "}:sessions"
}

// rate is where the events are kept that a limit counts for one key, which is the tag.
func (k keys) rate(l Limit, of string) string { return string(k) + "rate:" + l.Name + ":{" + of + "}" }

func (k keys) account(account string) string { return string(k) + "guesses:account:{" + account + "}" }
func (k keys) device(device string) string   { return string(k) + "guesses:device:{" + device + "}" }

// code does not name the id: whoever reads Redis must not be able to go on with what
// others have begun.
func (k keys) code(id string) string { return string(k) + "code:{" + hashed(id) + "}" }

func (k keys) partnerToken(id loan.PartnerID, tokenID string) string {
	return string(k) + "partner-token:{" + partnerTag(id) + "}:" + tokenID
}

func (k keys) partnerEnded(id loan.PartnerID) string {
	return string(k) + "partner-ended:{" + partnerTag(id) + "}"
}

func (k keys) document(hash string) string      { return string(k) + "document:" + hash }
func (k keys) documentsOf(client string) string { return string(k) + "documents-of:" + client }

// channel is where nudges about a topic are published. All processes on one Redis share
// the channels, whatever their database.
func (k keys) channel(t Topic) string { return string(k) + string(t) }
