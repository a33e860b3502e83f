// The part of an Android app's build that makes its models from this repository, which is
// expected beside the app as ../mobilepay.
plugins {
  id("com.apollographql.apollo") version "4.3.3"
}

dependencies {
  implementation("com.apollographql.apollo:apollo-runtime:4.3.3")
}

apollo {
  service("mobilepay") {
    packageName.set("com.example.mobilepay")
    schemaFiles.from("../mobilepay/schema.graphql")
    srcDir("../mobilepay/operations")

    // Text as it comes. An amount goes to BigDecimal from there, never to Double.
    mapScalarToKotlinString("Date")
    mapScalarToKotlinString("DateTime")
    mapScalarToKotlinString("Decimal")

    operationManifestFormat.set("persistedQueryManifest")
  }
}
