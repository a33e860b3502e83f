package dataloaders

import (
	"context"
	"slices"
	"sync"

	"github.com/automobilepay/mobilepay/loan"
	"github.com/automobilepay/mobilepay/store"
)

// statements are those that a request has read. What lists leave out is read for all of
// them together when the first is asked for, however many pages they stand on.
type statements struct {
	mu        sync.Mutex
	unread    []loan.StatementID // of which the whole is not read
	full      map[loan.StatementID]*loan.Statement
	unrelated []loan.StatementID // of which it is not read what they correct, or corrects them
	related   map[loan.StatementID]bool
	byID      map[loan.StatementID]*loan.Statement
	latter    map[loan.StatementID]*loan.Statement // by what they correct
}

func (s *statements) note(list []loan.Statement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range list {
		s.add(list[i].ID)
	}
}

func (s *statements) add(id loan.StatementID) {
	s.unread = append(s.unread, id)
	if !s.related[id] {
		s.unrelated = append(s.unrelated, id)
	}
}

// noted notes the statements of a page.
func (l *Loaders) noted(read readPage[loan.Statement]) readPage[loan.Statement] {
	return func(ctx context.Context, owner loan.CustomerID, vehicles []loan.VehicleID, page store.Page) ([]loan.Statement, error) {
		found, err := read(ctx, owner, vehicles, page)
		l.statements.note(found)
		return found, err
	}
}

// StatementInFull gets a statement with its lines and paper; nil where it is not the
// owner's to see.
func (l *Loaders) StatementInFull(ctx context.Context, owner loan.CustomerID, id loan.StatementID) (*loan.Statement, error) {
	s := &l.statements
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, read := s.full[id]; read {
		return found, nil
	}
	list, err := byID(ctx, l, owner, distinct(append(s.unread, id)), (*store.Reader).StatementsInFull)
	if err != nil {
		return nil, err
	}
	if s.unread = nil; s.full == nil {
		s.full = map[loan.StatementID]*loan.Statement{}
	}
	s.full[id] = nil
	for i := range list {
		s.full[list[i].ID] = &list[i]
	}
	return s.full[id], nil
}

// Corrected gets the statement in whose place another one is; nil where there is none.
func (l *Loaders) Corrected(ctx context.Context, owner loan.CustomerID, of *loan.Statement) (*loan.Statement, error) {
	if of.Corrects == nil {
		return nil, nil
	}
	l.statements.mu.Lock()
	defer l.statements.mu.Unlock()
	err := l.relate(ctx, owner)
	return l.statements.byID[*of.Corrects], err
}

// Correction gets the statement that is in the place of another one; nil where there is
// none.
func (l *Loaders) Correction(ctx context.Context, owner loan.CustomerID, of *loan.Statement) (*loan.Statement, error) {
	l.statements.mu.Lock()
	defer l.statements.mu.Unlock()
	err := l.relate(ctx, owner)
	return l.statements.latter[of.ID], err
}

// relate reads what corrects those that were read, or is corrected by them.
func (l *Loaders) relate(ctx context.Context, owner loan.CustomerID) error {
	s := &l.statements
	if len(s.unrelated) == 0 {
		return nil
	}
	list, err := byID(ctx, l, owner, distinct(s.unrelated), (*store.Reader).RelatedStatements)
	if err != nil {
		return err
	}
	if s.related == nil {
		s.related, s.byID, s.latter = map[loan.StatementID]bool{}, map[loan.StatementID]*loan.Statement{}, map[loan.StatementID]*loan.Statement{}
	}
	for _, id := range s.unrelated {
		s.related[id] = true
	}
	s.unrelated = nil
	for i := range list {
		found := &list[i]
		s.byID[found.ID] = found
		if found.Corrects != nil {
			s.latter[*found.Corrects] = found
		}
		s.add(found.ID)
	}
	return nil
}

func distinct(ids []loan.StatementID) []loan.StatementID {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}
