package seed

import "github.com/automobilepay/mobilepay/loan"

// The lists that customers are put together from.
var (
	firstNames = []string{
		"Aaliyah", "Alice", "Amir", "Ana", "Andre", "Beatriz", "Brian", "Carmen", "Chloe", "Daniel", "Deepa", "Diego",
		"Elena", "Emeka", "Farid", "Grace", "Hana", "Hector", "Imani", "Isaac", "Jasmine", "Joel", "Kai", "Keisha",
		"Leah", "Linh", "Marcus", "Mei", "Nadia", "Noah", "Olga", "Omar", "Priya", "Quinn", "Rosa", "Samuel",
		"Tanya", "Tomás", "Uma", "Victor", "Wendy", "Xavier", "Yara", "Zoë",
	}
	lastNames = []string{
		"Abbott", "Adeyemi", "Bailey", "Bianchi", "Chen", "Cruz", "Dubois", "Edwards", "Flores", "Garcia", "Haddad", "Hughes",
		"Ito", "Jackson", "Kaur", "Kim", "Lopez", "Mbeki", "Morris", "Nguyen", "O'Neill", "Okafor", "Patel", "Petrov",
		"Quintero", "Rivera", "Rossi", "Schmidt", "Silva", "Tanaka", "Thompson", "Usman", "Vega", "Walker", "Young", "Zhang",
	}
	streets = []string{
		"Birch Lane", "Cedar Street", "Elm Avenue", "Harbor Drive", "Hillcrest Road", "Lakeview Court", "Maple Street",
		"Oak Avenue", "Park Place", "River Road", "Sycamore Way", "Willow Drive",
	}
	places = []loan.Address{
		{City: "Charlotte", State: "NC", PostalCode: "28202"},
		{City: "Detroit", State: "MI", PostalCode: "48226"},
		{City: "Austin", State: "TX", PostalCode: "78701"},
		{City: "Columbus", State: "OH", PostalCode: "43215"},
		{City: "Sacramento", State: "CA", PostalCode: "95814"},
		{City: "Orlando", State: "FL", PostalCode: "32801"},
		{City: "Albany", State: "NY", PostalCode: "12207"},
		{City: "Denver", State: "CO", PostalCode: "80202"},
	}
	cars = []struct{ make, model string }{
		{"Chevrolet", "Equinox"}, {"Chevrolet", "Silverado 1500"}, {"GMC", "Terrain"}, {"GMC", "Sierra 1500"},
		{"Buick", "Enclave"}, {"Cadillac", "XT5"}, {"Ford", "Escape"}, {"Ford", "F-150"}, {"Jeep", "Grand Cherokee"},
		{"Ram", "1500"}, {"Honda", "CR-V"}, {"Toyota", "RAV4"}, {"Subaru", "Outback"}, {"Hyundai", "Tucson"},
	}
)
