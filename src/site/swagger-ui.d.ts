/** As much of Swagger UI's configuration as the reference page sets. */
declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  export default function SwaggerUI(options: {
    readonly url: string;
    readonly dom_id: string;
    readonly displayRequestDuration: boolean;
    readonly filter: boolean;
    readonly syntaxHighlight: { readonly theme: string };
    readonly defaultModelsExpandDepth: number;
    readonly persistAuthorization: boolean;
    readonly validatorUrl: null;
  }): void;
}
