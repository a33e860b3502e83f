package seed

import "math/bits"

// dice makes numbers that look like chance and are the same every time: the
// generator SplitMix64.
type dice uint64

// diceOf are the dice of the customer with an index.
func diceOf(index int) *dice {
	d := dice(index) << 32 // #nosec G115 -- an index is not negative
	return &d
}

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	x := uint64(*d)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// roll is a number from 0 up to, not including, n.
func (d *dice) roll(n int) int {
	high, _ := bits.Mul64(d.next(), uint64(n)) // #nosec G115 -- n is more than zero
	return int(high)                           // #nosec G115 -- it is less than n
}

// between is a number from low to high, both included.
func (d *dice) between(low, high int) int { return low + d.roll(high-low+1) }

// digits is n digits, the first of which is not zero.
func (d *dice) digits(n int) string {
	const all = "1234567890"
	number := []byte{all[d.roll(9)]}
	for len(number) < n {
		number = append(number, all[d.roll(10)])
	}
	return string(number)
}

// vin is seventeen characters of those that a vehicle identification number may
// have.
func (d *dice) vin() string {
	const alphabet = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
	vin := []byte("1MP")
	for len(vin) < 17 {
		vin = append(vin, alphabet[d.roll(len(alphabet))])
	}
	return string(vin)
}

func pick[T any](d *dice, from []T) T { return from[d.roll(len(from))] }

// confirmationNumber is the number of the n-th payment made here: another one
// for each n up to 2^60, in no visible order, like those given to customers.
func confirmationNumber(n int) string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" // Crockford's base 32
	x := uint64(n) * 0x9e3779b97f4a7c15                 // #nosec G115 -- n is not negative; odd, so that it can be undone
	x &= 1<<60 - 1
	x ^= x >> 31
	number := []byte("MP-0000-0000-0000")
	for at := len(number) - 1; at > 2; at-- {
		if number[at] != '-' {
			number[at] = alphabet[x%32]
			x /= 32
		}
	}
	return string(number)
}
