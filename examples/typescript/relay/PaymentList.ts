// What a Relay app would write for an endless list of payments. It is compiled, not run:
// relay-compiler refuses it where the schema does not keep Relay's conventions.
import { graphql } from 'react-relay';

export const paymentList = graphql`
  fragment PaymentList_viewer on Viewer
  @refetchable(queryName: "PaymentListPaginationQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) {
    payments(first: $count, after: $cursor) @connection(key: "PaymentList_payments") {
      edges {
        node {
          id
          ...PaymentListRow_payment
        }
      }
    }
  }
`;

export const row = graphql`
  fragment PaymentListRow_payment on Payment @refetchable(queryName: "PaymentListRowRefetchQuery") {
    confirmationNumber
    status
    canCancel
    amount {
      formatted
    }
  }
`;

export const cancel = graphql`
  mutation PaymentListCancelMutation($input: CancelPaymentInput!) @raw_response_type {
    cancelPayment(input: $input) {
      payment {
        ...PaymentListRow_payment
      }
      userErrors {
        message
      }
    }
  }
`;

export const query = graphql`
  query PaymentListQuery {
    viewer {
      ...PaymentList_viewer
    }
  }
`;
