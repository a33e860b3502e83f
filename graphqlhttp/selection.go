package graphqlhttp

import (
	"iter"

	"github.com/vektah/gqlparser/v2/ast"
)

// flat is the selections of a set, with those of the fragments in it.
func (m *measuring) flat(set ast.SelectionSet) iter.Seq[ast.Selection] {
	return func(yield func(ast.Selection) bool) { m.flatten(set, yield) }
}

func (m *measuring) flatten(set ast.SelectionSet, yield func(ast.Selection) bool) bool {
	for _, selection := range set {
		if !yield(selection) {
			return false
		}
		switch s := selection.(type) {
		case *ast.InlineFragment:
			if !m.flatten(s.SelectionSet, yield) {
				return false
			}
		case *ast.FragmentSpread:
			if fragment := m.document.Fragments.ForName(s.Name); fragment != nil && !m.flatten(fragment.SelectionSet, yield) {
				return false
			}
		}
	}
	return true
}

// hasNamesakes tells whether a name is given twice. Only the first of them would be
// found, and measured.
func hasNamesakes(fragments ast.FragmentDefinitionList) bool {
	for _, fragment := range fragments {
		if fragments.ForName(fragment.Name) != fragment {
			return true
		}
	}
	return false
}

// hasCycle tells whether a fragment uses itself, directly or through others.
func hasCycle(document *ast.QueryDocument) bool {
	const open, done = 1, 2
	state := map[string]int{}
	var visit func(fragment *ast.FragmentDefinition) bool
	visit = func(fragment *ast.FragmentDefinition) bool {
		state[fragment.Name] = open
		for selection := range inSet(fragment.SelectionSet) {
			spread, ok := selection.(*ast.FragmentSpread)
			if !ok {
				continue
			}
			next := document.Fragments.ForName(spread.Name)
			if next != nil && (state[next.Name] == open || state[next.Name] == 0 && visit(next)) {
				return true
			}
		}
		state[fragment.Name] = done
		return false
	}
	for _, fragment := range document.Fragments {
		if state[fragment.Name] == 0 && visit(fragment) {
			return true
		}
	}
	return false
}

// selections is every selection that is written in a document.
func selections(document *ast.QueryDocument) iter.Seq[ast.Selection] {
	return func(yield func(ast.Selection) bool) {
		for _, operation := range document.Operations {
			if !walk(operation.SelectionSet, yield) {
				return
			}
		}
		for _, fragment := range document.Fragments {
			if !walk(fragment.SelectionSet, yield) {
				return
			}
		}
	}
}

// inSet is every selection in a set and in the fields and inline fragments there.
func inSet(set ast.SelectionSet) iter.Seq[ast.Selection] {
	return func(yield func(ast.Selection) bool) { walk(set, yield) }
}

func walk(set ast.SelectionSet, yield func(ast.Selection) bool) bool {
	for _, selection := range set {
		if !yield(selection) {
			return false
		}
		var inside ast.SelectionSet
		switch s := selection.(type) {
		case *ast.Field:
			inside = s.SelectionSet
		case *ast.InlineFragment:
			inside = s.SelectionSet
		}
		if !walk(inside, yield) {
			return false
		}
	}
	return true
}
