// The plan as files for other programs.

export const exportForms = ["zone", "nsupdate", "route53"] as const;
export type ExportForm = (typeof exportForms)[number];

export function fileName(domain: string, form: ExportForm): string {
  return domain + { zone: ".zone", nsupdate: ".nsupdate", route53: ".route53.json" }[form];
}

/** Gives the browser a file to keep. */
export function download(domain: string, form: ExportForm, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = fileName(domain, form);
  link.click();
  URL.revokeObjectURL(link.href);
}
