package auth

import "time"

// Occupy takes all slots until the function it returns is called, and lets
// callers wait for one no longer than wait.
func (h *Hasher) Occupy(wait time.Duration) (release func()) {
	h.wait = wait
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	return func() {
		for range cap(h.slots) {
			<-h.slots
		}
	}
}

// Slots is how many hashes are made at once, and Wait how long a caller waits.
func (h *Hasher) Slots() int          { return cap(h.slots) }
func (h *Hasher) Wait() time.Duration { return h.wait }

// None is the hash that an unknown user's password is verified against.
func (h *Hasher) None() string { return h.none }

// CommonPasswords is the shipped list.
func CommonPasswords() []string { return commonPasswords() }
