import graphql from '@graphql-eslint/eslint-plugin';

// The schema keeps the rules that graphql-eslint recommends, and Relay's.
export default [
  {
    files: ['schema.graphql'],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: 'schema.graphql' } } },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...graphql.configs['flat/schema-recommended'].rules,
      ...graphql.configs['flat/schema-relay'].rules,
      // What has an identity implements Node. Payloads, pages, errors and values such as
      // Money have none.
      '@graphql-eslint/strict-id-in-types': 'off',
      // Lists that are short by nature, such as a customer's vehicles, are plain lists. An
      // event of a partner's, and its delivery, is read by its place and not by an id.
      '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false, shouldImplementNode: false }],
      // These two lists are followed forwards only.
      '@graphql-eslint/relay-arguments': ['error', { includeBoth: false }],
      // Payment.paymentAccount has the name of the type that it leads to.
      '@graphql-eslint/no-typename-prefix': 'off',
    },
  },
];
