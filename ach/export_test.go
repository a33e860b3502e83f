package ach

// BuildWithLimits is Build with limits that a test can reach.
var BuildWithLimits = build

// Actions is the table.
var Actions = actions
